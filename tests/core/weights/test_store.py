"""What lies in the store: trusted by its hash alone, listed, removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effnet_core import files
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.weights.published import WeightsEntry, find
from effnet_core.weights.store import WeightsStore, default_root

pytestmark = pytest.mark.usefixtures("bundled")  # whatever comes with the project is left out

Server = Any
"""The `server` fixture's: `mode` says how it answers, `paths` what it was asked."""


def files_in(store: WeightsStore) -> list[str]:
    return sorted(path.name for path in store.root.glob("*") if path.is_file())


@pytest.mark.parametrize("position", [0, 777_777, -1])
def test_bit_rot_is_found_on_read_and_mended_by_get(
    store: WeightsStore, entry: WeightsEntry, server: Server, position: int, content: bytes
) -> None:
    path = store.get(entry)
    damaged = bytearray(content)
    damaged[position] ^= 1
    path.write_bytes(damaged)
    for look in (store.read, store.verify):
        with pytest.raises(CheckpointError, match=r"has changed since it was saved.*weights get"):
            look(entry)
    assert store.get(entry).read_bytes() == content == store.read(entry)
    assert len(server.paths) == 2


def test_a_file_without_its_record_is_not_trusted(
    store: WeightsStore, entry: WeightsEntry, content: bytes
) -> None:
    path = store.path(entry)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert store.state(entry) == "absent"
    record = path.with_name(path.name + ".json")
    for broken in ("", "[]", "{}", '{"sha256": 3}'):
        record.write_text(broken)
        assert store.state(entry) == "absent"
    store.get(entry)
    assert store.state(entry) == "ready"


def test_remove_frees_the_space(store: WeightsStore, entry: WeightsEntry, content: bytes) -> None:
    store.get(entry)
    assert store.remove(entry) == len(content)
    assert files_in(store) == []
    with pytest.raises(WeightsError, match=r"Tiny\.V1 is not on this disk, so there is nothing"):
        store.remove(entry)


def test_listing_shows_the_catalog_with_states(store: WeightsStore) -> None:
    listing = [row for row in store.listing() if not row.packaged]
    assert len(listing) == 12
    assert {row.state for row in listing} == {"absent"}
    b0 = next(row for row in listing if row.architecture == "b0")
    assert (b0.size_bytes, b0.sha256) == (find("b0").size_bytes, "")
    assert not store.root.exists()


def test_listing_shows_what_is_there(
    store: WeightsStore,
    entry: WeightsEntry,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    sha256: str,
) -> None:
    monkeypatch.setattr("effnet_core.weights.store.catalog", lambda: (entry,))
    store.get(entry)
    (row,) = (row for row in store.listing() if not row.packaged)
    assert (row.id, row.state, row.sha256) == ("Tiny.V1", "ready", sha256)
    assert row.size_bytes == len(content)


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
    assert files.readable_size(size) == text
