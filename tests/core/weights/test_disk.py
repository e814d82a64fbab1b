"""Writing where the system does not let us: always one sentence, never another error over it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from effnet_core import files
from effnet_core.errors import WeightsError
from effnet_core.weights import WeightsStore, catalog

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder of one who is not root: root may look into and write to any folder."""
    folder = Path(tempfile.mkdtemp(prefix="effnet-disk-"))
    user = os.geteuid()
    if user == 0:
        catalog()  # imports what another user might not be allowed to read
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_name_too_long_has_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="File name too long"):
        files.write(tmp_path / ("x" * 230 + ".safetensors"), b"data")
    assert not list(tmp_path.iterdir())


def test_a_folder_closed_to_us_has_a_sentence(folder: Path) -> None:
    folder.chmod(0o600)
    with pytest.raises(WeightsError, match="Permission denied"):
        files.write(folder / "file", b"data")


def test_a_folder_closed_to_reading_can_still_be_written(folder: Path) -> None:
    folder.chmod(0o300)
    files.write(folder / "file", b"data")
    folder.chmod(0o700)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert (folder / "file").read_bytes() == b"data"


@pytest.mark.parametrize(
    "ask",
    [
        WeightsStore.listing,
        lambda store: store.state("b0"),
        lambda store: store.get("b0", offline=True),
        lambda store: store.read("b0"),
        lambda store: store.remove("b0"),
    ],
    ids=["listing", "state", "get", "read", "remove"],
)
def test_a_store_closed_to_us_has_a_sentence(
    folder: Path, ask: Callable[[WeightsStore], object]
) -> None:
    folder.chmod(0o600)
    with pytest.raises(WeightsError, match="Permission denied"):
        ask(WeightsStore(folder))


@pytest.mark.parametrize("text", ["x" * 300, "x" * 5000, "\0", "", "."])
def test_what_no_path_can_be_is_no_file(text: str) -> None:
    assert not files.is_file(text)
