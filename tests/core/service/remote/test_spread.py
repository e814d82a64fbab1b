"""How a model's questions spread over engines: by share, in bounds, past those that are busy."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.errors import Busy, InvalidInput
from effnet_core.service.remote import client, wire
from effnet_core.service.remote.client import RemoteService
from effnet_core.service.remote.line import Reply
from effnet_core.service.remote.spread import PLACES, TRIES, Spread, engine_count, places
from effnet_core.service.visitors import Visitor


@given(st.floats(0, 1), st.integers(2, 5000))
def test_a_model_has_at_least_two_engines_and_at_most_all(share: float, engines: int) -> None:
    count = places(share, engines)
    assert 2 <= count <= engines
    assert count >= min(engines, share * PLACES * engines)


def test_numbers_are_of_the_models_places_and_no_two_alike() -> None:
    spread = Spread(100)
    for _ in range(300):
        spread.numbers("popular")
    spread.numbers("rare")
    seen = {number for _ in range(300) for number in spread.numbers("popular")}
    assert len(seen) > 90
    assert {number for _ in range(3) for number in spread.numbers("rare")} <= set(range(10))
    assert len(set(spread.numbers("popular"))) == TRIES


def test_what_was_asked_long_ago_counts_less() -> None:
    spread = Spread(100)
    for _ in range(5000):
        spread.numbers("old")
    for _ in range(5000):
        spread.numbers("new")
    assert spread._asked["new"] > spread._asked["old"]
    assert spread._asked.total() < 5000


def test_a_busy_engine_is_passed_over_and_the_last_word_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, asked = RemoteService("http://127.0.0.1:1", engines=3), []
    answers: list[Any] = [Busy("wait"), "answer"]

    def answer(place: str, *_: object) -> object:
        asked.append(place)
        return answers.pop(0)

    monkeypatch.setattr(service, "_answer_at", answer)
    assert service._answer("classify", b"", "lite0") == "answer"
    assert len(set(asked)) == 2 and {name.split()[0] for name in asked} == {"lite0"}
    answers += [Busy("wait")] * 3
    with pytest.raises(Busy, match="wait"):
        service._answer("classify", b"", "lite0")
    answers[:] = ["one"]
    assert service._answer("classify", b"", "upload:0.1") == "one"
    assert asked[-1] == "upload:0"


def test_a_download_and_how_far_it_is_are_asked_of_one_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_LOOK_S", 0.5)
    service, asked, seen = RemoteService("http://127.0.0.1:1", engines=9), [], []

    def post(path: str, _: bytes, headers: dict[str, str], visitor: Visitor, *__: object) -> Reply:
        asked.append((path, headers[wire.MODEL]))
        if path.endswith(wire.DOWNLOADED):
            if len(asked) == 2:
                return Reply(429, wire.refusal(Busy("wait")))  # which does not end it
            return Reply(200, wire.answer((1, 4)))
        end = time.monotonic() + 2.2
        visitor.wait(lambda seconds: threading.Event().wait(seconds) or time.monotonic() > end)
        return Reply(400, wire.refusal(InvalidInput("It ended.")))

    monkeypatch.setattr(service._line, "post", post)
    with pytest.raises(InvalidInput, match="It ended"):
        service.download("b0", lambda *progress: seen.append(progress))
    assert {place for _, place in asked} == {"b0 0"}
    assert 1 <= len(seen) <= 4 and set(seen) == {(1, 4)}


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "1e3", "10001", "²"])
def test_a_count_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="EFFNET_ENGINE_COUNT is to be how many"):
        engine_count(text)


def test_a_count_is_read() -> None:
    assert engine_count("100") == 100
