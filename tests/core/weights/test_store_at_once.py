"""Several threads and processes ask the store at once, and one is killed."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from effnet_core.errors import WeightsError
from effnet_core.weights.published import WeightsEntry
from effnet_core.weights.store import WeightsStore

Server = Any
"""The `server` fixture's: `mode` says how it answers, `paths` what it was asked."""


def test_many_threads_ask_and_one_download_answers(
    store: WeightsStore, entry: WeightsEntry, server: Server, content: bytes
) -> None:
    server.mode = "pause"
    answers: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(WeightsStore(store.root).get(entry).read_bytes())
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    assert server.half_sent.wait(10)
    time.sleep(0.2)
    server.resume.set()
    for thread in threads:
        thread.join(20)
    assert answers == [content] * 6
    assert len(server.paths) == 1


GET_IN_A_PROCESS = """
import pickle, sys
from effnet_core.weights.store import WeightsStore
root, entry = pickle.loads(sys.stdin.buffer.read())
print(WeightsStore(root).get(entry))
"""


def process_that_gets() -> subprocess.Popen[bytes]:
    """A process that imports what it needs and then waits to be told (`tell`) what to get."""
    return subprocess.Popen(
        [sys.executable, "-c", GET_IN_A_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )


def tell(process: subprocess.Popen[bytes], store: WeightsStore, entry: WeightsEntry) -> None:
    assert process.stdin is not None
    process.stdin.write(pickle.dumps((store.root, entry)))
    process.stdin.close()
    process.stdin = None


def test_two_processes_at_once_download_once_and_kill_leaves_nothing_taken_for_good(
    store: WeightsStore, entry: WeightsEntry, server: Server, content: bytes
) -> None:
    server.mode = "pause"
    killed, other = process_that_gets(), process_that_gets()
    tell(killed, store, entry)
    assert server.half_sent.wait(120)
    deadline = time.monotonic() + 20
    while not list(store.root.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    assert list(store.root.glob(".*.part"))  # it was killed in mid-download
    assert store.state(entry) == "absent"
    with pytest.raises(WeightsError):
        store.read(entry)

    server.paths.clear()
    server.half_sent.clear()
    tell(other, store, entry)
    assert server.half_sent.wait(120)  # the other holds the lock: the killed one's is gone
    here: list[Path] = []
    thread = threading.Thread(target=lambda: here.append(store.get(entry)))
    thread.start()
    time.sleep(0.2)
    server.resume.set()
    thread.join(20)
    output, _ = other.communicate(timeout=20)
    assert output.decode().strip() == str(store.path(entry)) == str(here[0])
    assert store.read(entry) == content
    assert len(server.paths) == 1
    assert not list(store.root.glob(".*.part"))


def test_a_lock_held_too_long_has_a_sentence(
    store: WeightsStore, entry: WeightsEntry, server: Server
) -> None:
    server.mode = "pause"
    holder = threading.Thread(target=lambda: store.get(entry))
    holder.start()
    assert server.half_sent.wait(10)
    with pytest.raises(WeightsError, match="Another process has been busy"):
        WeightsStore(store.root, lock_timeout=0.1).get(entry)
    server.resume.set()
    holder.join(20)
    assert store.state(entry) == "ready"
