"""Downloads: every failure of server, network and disk has its sentence and leaves nothing."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from effnet_core import files
from effnet_core.errors import DownloadError, InvalidInput, WeightsError
from effnet_core.weights import download
from effnet_core.weights.published import WeightsEntry
from effnet_core.weights.store import Verification, WeightsStore

Server = Any
"""The `server` fixture's: `mode` says how it answers, `paths` what it was asked."""


def files_in(store: WeightsStore) -> list[str]:
    return sorted(path.name for path in store.root.glob("*") if path.is_file())


def test_download_is_checked_recorded_and_reported(
    store: WeightsStore, entry: WeightsEntry, server: Server, content: bytes, sha256: str
) -> None:
    assert store.state(entry) == "absent"
    seen: list[tuple[int, int]] = []
    path = store.get(entry, lambda done, total: seen.append((done, total)))
    assert path == store.path(entry)
    assert path.read_bytes() == content == store.read(entry)
    assert store.state(entry) == "ready"
    assert store.verify(entry) == Verification(sha256, compared=True)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(content), len(content))
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
    content: bytes,
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_S", 0.3)
    server.mode = mode
    expected = sentence.replace("{expected}", entry.hash_prefix)
    with pytest.raises(DownloadError, match=expected) as caught:
        store.get(entry)
    assert "\n" not in str(caught.value)
    assert files_in(store) == []
    assert store.state(entry) == "absent"
    server.resume.set()
    server.mode = "whole"
    assert store.get(entry).read_bytes() == content


def test_a_server_without_content_length_is_fine(
    store: WeightsStore, entry: WeightsEntry, server: Server, content: bytes
) -> None:
    server.mode = "no length"
    assert store.get(entry).read_bytes() == content


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
    store: WeightsStore,
    entry: WeightsEntry,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    content: bytes,
) -> None:
    with monkeypatch.context() as patch:
        if when == "syncing":
            patch.setattr(os, "fsync", full_disk)
        else:
            patch.setattr(Path, "open", lambda path, mode: FullFile(path, "x"))
        with pytest.raises(WeightsError, match=r"The disk that holds .* is full"):
            store.get(entry)
    assert files_in(store) == []
    assert store.get(entry).read_bytes() == content


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_write_to_a_really_full_device_has_the_sentence() -> None:
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as device:  # noqa: PTH123
        device.write(b"x")
    sentence = str(files.storage_error(caught.value, Path("/models/own.safetensors")))
    assert "The disk that holds /models is full, so own.safetensors was not saved" in sentence
    assert "EFFNET_CACHE" not in sentence  # any file that is written may meet this


def test_a_folder_that_cannot_be_written_has_a_sentence(
    entry: WeightsEntry, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(WeightsError, match="cannot be used"):
        WeightsStore(blocked / "cache").get(entry)


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


def test_mirror_replaces_host_and_folder(
    store: WeightsStore,
    entry: WeightsEntry,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
) -> None:
    published = dataclasses.replace(entry, url=f"https://host.invalid/models/{entry.file_name}")
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"{server.url}/a/b/")
    assert store.get(published).read_bytes() == content
    assert server.paths == [f"/a/b/{entry.file_name}"]


@pytest.mark.parametrize("mirror", ["file:///etc", "ftp://host/x", "host/folder", "http://"])
def test_a_mirror_that_is_no_address_is_refused(
    store: WeightsStore, entry: WeightsEntry, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", mirror)
    with pytest.raises(InvalidInput, match="EFFNET_WEIGHTS_MIRROR must be an address"):
        store.get(entry)
