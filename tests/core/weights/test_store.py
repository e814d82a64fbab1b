"""The store against a loopback server that fails in every way a server can."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import http.server
import io
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from effnet_core.errors import CheckpointError, DownloadError, InvalidInput, WeightsError
from effnet_core.weights import disk, download
from effnet_core.weights.catalog import WeightsEntry, find
from effnet_core.weights.store import WeightsStore, default_root

CONTENT = os.urandom(2**20 + 12_345)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIECE = 2**16


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT in the way that `mode` says, and counts what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mode = "whole"
        self.paths: list[str] = []
        self.resume = threading.Event()
        self.half_sent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        mode = self.server.mode
        if mode in ("404", "503"):
            self.send_error(int(mode))
            return
        if mode == "silent":
            self.server.resume.wait(20)
            return
        if mode == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            return
        content = CONTENT
        if mode == "corrupt":
            content = CONTENT[:5000] + bytes([CONTENT[5000] ^ 1]) + CONTENT[5001:]
        elif mode == "endless":
            content = CONTENT * 4
        self.send_response(200)
        if mode != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        self.wfile.flush()
        self.server.half_sent.set()
        if mode == "cut":
            return
        if mode in ("pause", "stall"):
            self.server.resume.wait(20)
        if mode != "stall":
            self.wfile.write(content[half:])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.resume.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def entry(server: Server, monkeypatch: pytest.MonkeyPatch) -> WeightsEntry:
    monkeypatch.delenv("EFFNET_WEIGHTS_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    name = f"tiny-{SHA256[:8]}.pth"
    return dataclasses.replace(
        find("b0"),
        id="Tiny.V1",
        url=f"{server.url}/models/{name}",
        file_name=name,
        hash_prefix=SHA256[:8],
        size_bytes=len(CONTENT),
    )


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "cache")


def files_in(store: WeightsStore) -> list[str]:
    return sorted(path.name for path in store.root.glob("*") if path.is_file())


def test_download_is_checked_recorded_and_reported(
    store: WeightsStore, entry: WeightsEntry, server: Server
) -> None:
    assert store.state(entry) == "absent"
    seen: list[tuple[int, int]] = []
    path = store.get(entry, lambda done, total: seen.append((done, total)))
    assert path == store.path(entry)
    assert path.read_bytes() == CONTENT == store.read(entry)
    assert store.state(entry) == "ready"
    assert store.verify(entry) == SHA256
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert files_in(store) == [entry.file_name, f"{entry.file_name}.json"]
    assert store.get(entry, offline=True) == path
    assert server.paths == [f"/models/{entry.file_name}"]


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("404", r"HTTP 404 .*EFFNET_WEIGHTS_MIRROR"),
        ("503", r"HTTP 503 .*try again later"),
        ("cut", r"broke after .* of tiny-"),
        ("reset", r"broke after 0 bytes of tiny-"),
        ("corrupt", r"is not the published file \(its SHA-256 begins with .*not {expected}\)"),
        ("endless", r"sends more than the 1\.0 MiB published"),
        ("stall", r"has stopped answering"),
        ("silent", r"has stopped answering"),
    ],
)
def test_failures_have_their_sentence_leave_nothing_and_can_be_repeated(
    store: WeightsStore,
    entry: WeightsEntry,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    sentence: str,
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.3)
    server.mode = mode
    expected = sentence.replace("{expected}", SHA256[:8])
    with pytest.raises(DownloadError, match=expected) as caught:
        store.get(entry)
    assert "\n" not in str(caught.value)
    assert files_in(store) == []
    assert store.state(entry) == "absent"
    server.resume.set()
    server.mode = "whole"
    assert store.get(entry).read_bytes() == CONTENT


def test_a_server_without_content_length_is_fine(
    store: WeightsStore, entry: WeightsEntry, server: Server
) -> None:
    server.mode = "no length"
    assert store.get(entry).read_bytes() == CONTENT


def test_no_network(store: WeightsStore, entry: WeightsEntry) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    gone = dataclasses.replace(entry, url=f"http://127.0.0.1:{port}/{entry.file_name}")
    with pytest.raises(DownloadError, match=r"no connection to .*effnet weights import FILE"):
        store.get(gone)
    nowhere = dataclasses.replace(entry, url=f"http://host.invalid/{entry.file_name}")
    with pytest.raises(DownloadError, match=r"no connection to host\.invalid"):
        store.get(nowhere)
    assert files_in(store) == []


def test_offline_says_what_is_missing(store: WeightsStore, entry: WeightsEntry) -> None:
    with pytest.raises(DownloadError, match=r"Tiny\.V1 is not on this disk.*1\.0 MiB"):
        store.get(entry, offline=True)
    with pytest.raises(WeightsError, match=r"`effnet weights get Tiny\.V1`"):
        store.read(entry)


def test_too_little_space_is_told_before_anything_is_asked(
    store: WeightsStore, entry: WeightsEntry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(WeightsError, match=r"needs 1\.0 MiB but the disk .* has 1000 bytes free"):
        store.get(entry)
    assert server.paths == []
    assert files_in(store) == []


def full_disk(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile(io.FileIO):
    """A file on a disk that has room for one piece."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return full_disk() if self.tell() else super().write(data)


@pytest.mark.parametrize("when", ["writing", "syncing"])
def test_a_disk_that_fills_up_leaves_no_half_file(
    store: WeightsStore, entry: WeightsEntry, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with monkeypatch.context() as patch:
        if when == "syncing":
            patch.setattr(os, "fsync", full_disk)
        else:
            patch.setattr(Path, "open", lambda path, mode: FullFile(path, "x"))
        with pytest.raises(WeightsError, match=r"The disk that holds .* is full"):
            store.get(entry)
    assert files_in(store) == []
    assert store.get(entry).read_bytes() == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_write_to_a_really_full_device_has_the_sentence() -> None:
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as device:  # noqa: PTH123
        device.write(b"x")
    assert "is full" in str(disk.storage_error(caught.value, Path("/cache/file")))


def test_a_folder_that_cannot_be_written_has_a_sentence(
    entry: WeightsEntry, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(WeightsError, match="cannot be used"):
        WeightsStore(blocked / "cache").get(entry)


@pytest.mark.parametrize("position", [0, 777_777, len(CONTENT) - 1])
def test_bit_rot_is_found_on_read_and_mended_by_get(
    store: WeightsStore, entry: WeightsEntry, server: Server, position: int
) -> None:
    path = store.get(entry)
    damaged = bytearray(CONTENT)
    damaged[position] ^= 1
    path.write_bytes(damaged)
    for look in (store.read, store.verify):
        with pytest.raises(CheckpointError, match=r"has changed since it was saved.*weights get"):
            look(entry)
    assert store.get(entry).read_bytes() == CONTENT == store.read(entry)
    assert len(server.paths) == 2


def test_a_failed_renewal_keeps_what_was_there(
    store: WeightsStore, entry: WeightsEntry, server: Server
) -> None:
    path = store.get(entry)
    path.write_bytes(b"damaged")
    server.mode = "cut"
    with pytest.raises(DownloadError):
        store.get(entry)
    assert path.read_bytes() == b"damaged"
    assert store.state(entry) == "absent"


def test_a_file_without_its_record_is_not_trusted(store: WeightsStore, entry: WeightsEntry) -> None:
    path = store.path(entry)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert store.state(entry) == "absent"
    record = path.with_name(path.name + ".json")
    for broken in ("", "[]", "{}", '{"sha256": 3}'):
        record.write_text(broken)
        assert store.state(entry) == "absent"
    store.get(entry)
    assert store.state(entry) == "ready"


def test_many_threads_ask_and_one_download_answers(
    store: WeightsStore, entry: WeightsEntry, server: Server
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
    assert answers == [CONTENT] * 6
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
    store: WeightsStore, entry: WeightsEntry, server: Server
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
    assert store.read(entry) == CONTENT
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


def test_mirror_replaces_host_and_folder(
    store: WeightsStore, entry: WeightsEntry, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = dataclasses.replace(entry, url=f"https://host.invalid/models/{entry.file_name}")
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"{server.url}/a/b/")
    assert store.get(published).read_bytes() == CONTENT
    assert server.paths == [f"/a/b/{entry.file_name}"]


@pytest.mark.parametrize("mirror", ["file:///etc", "ftp://host/x", "host/folder", "http://"])
def test_a_mirror_that_is_no_address_is_refused(
    store: WeightsStore, entry: WeightsEntry, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", mirror)
    with pytest.raises(InvalidInput, match="EFFNET_WEIGHTS_MIRROR must be an address"):
        store.get(entry)


def test_remove_frees_the_space(store: WeightsStore, entry: WeightsEntry) -> None:
    store.get(entry)
    assert store.remove(entry) == len(CONTENT)
    assert files_in(store) == []
    assert store.remove(entry) == 0


def test_listing_shows_the_catalog_with_states(store: WeightsStore) -> None:
    listing = store.listing()
    assert len(listing) == 12
    assert {row.state for row in listing} == {"absent"}
    b0 = next(row for row in listing if row.architecture == "b0")
    assert (b0.size_bytes, b0.sha256) == (find("b0").size_bytes, "")
    assert not store.root.exists()


def test_listing_shows_what_is_there(
    store: WeightsStore, entry: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.weights.store.catalog", lambda: (entry,))
    store.get(entry)
    (row,) = store.listing()
    assert (row.id, row.state, row.sha256) == ("Tiny.V1", "ready", SHA256)
    assert row.size_bytes == len(CONTENT)


def test_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path))
    assert default_root() == WeightsStore().root == tmp_path / "weights"
    monkeypatch.delenv("EFFNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert default_root() == tmp_path / "user" / "effnet" / "weights"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 * 2**40, "5120.0 GiB")],
)
def test_sizes_read_well(size: int, text: str) -> None:
    assert disk.readable_size(size) == text
