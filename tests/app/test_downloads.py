from __future__ import annotations

import threading
from collections.abc import Callable

from app.downloads import Download, Downloads
from effnet_core.errors import DownloadError


def wait_until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen within 10 s")


def test_progress_is_seen_and_a_finished_download_is_forgotten() -> None:
    go_on = threading.Event()

    def fetch(weights: str, progress: Callable[[int, int], None]) -> None:
        progress(30, 120)
        go_on.wait(10)

    downloads = Downloads(fetch)
    assert downloads.state("b0") is None
    downloads.start("b0")
    wait_until(lambda: downloads.state("b0") == Download(30, 120))
    assert Download(30, 120).fraction == 0.25
    go_on.set()
    wait_until(lambda: downloads.state("b0") is None)


def test_two_people_asking_share_one_download() -> None:
    calls: list[str] = []
    go_on = threading.Event()

    def fetch(weights: str, progress: Callable[[int, int], None]) -> None:
        calls.append(weights)
        go_on.wait(10)

    downloads = Downloads(fetch)
    downloads.start("b0")
    downloads.start("b0")
    downloads.start("b1")
    wait_until(lambda: len(calls) == 2)
    go_on.set()
    wait_until(lambda: downloads.state("b0") is None and downloads.state("b1") is None)
    assert sorted(calls) == ["b0", "b1"]


def test_a_failure_keeps_its_sentence_until_it_is_started_again() -> None:
    errors: list[Exception] = [DownloadError("There is no connection."), ValueError("boom")]

    def fetch(weights: str, progress: Callable[[int, int], None]) -> None:
        progress(5, 10)
        if errors:
            raise errors.pop(0)

    downloads = Downloads(fetch)
    sentences = []
    for _ in range(2):
        downloads.start("b0")
        wait_until(lambda: (state := downloads.state("b0")) is not None and state.finished)
        state = downloads.state("b0")
        assert state is not None
        sentences.append(state.sentence)
    assert sentences[0] == "There is no connection."
    assert "boom" not in sentences[1] and "log" in sentences[1]
    downloads.start("b0")
    wait_until(lambda: downloads.state("b0") is None)


def test_an_unknown_total_counts_as_nothing_done() -> None:
    assert Download(5, 0).fraction == 0
    assert Download(12, 10).fraction == 1
