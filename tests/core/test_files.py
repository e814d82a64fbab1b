"""Files that cannot be written, JSON that does not fit: always a sentence, never another error."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

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


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A part of what is read below."""

    side: Annotated[int, Meta(ge=1, le=31)]
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True, kw_only=True)
class Outer:
    """What is read below."""

    name: files.Text
    share: files.Share | None
    parts: tuple[Inner, ...] = ()
    pair: tuple[int, float] = (0, 0.0)
    amount: files.Amount = 0.0

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise ValueError("The name is taken.")


GOOD = {"name": "x", "share": None, "parts": [{"side": 3}], "pair": [1, 2]}


def test_plain_values_become_what_is_declared() -> None:
    found = files.conform(files.parse_json(json.dumps(GOOD)), Outer)
    assert found == Outer(name="x", share=None, parts=(Inner(side=3),), pair=(1, 2.0))
    assert isinstance(found.pair[1], float)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": 3}, "it has an unusable value for name: 3 is not a text"),
        ({"name": ""}, "it has an unusable value for name: '' is not a text"),
        ({"share": 1.5}, "it has an unusable value for share: 1.5 is not a number from 0 to 1"),
        ({"share": True}, "it has an unusable value for share: True is not a number from 0 to 1"),
        (
            {"parts": [{"side": 3}, {"side": 32}]},
            "it has an unusable value for parts[1].side: 32 is not a whole number from 1 to 31",
        ),
        (
            {"parts": [{"side": 3, "kind": "c"}]},
            "it has an unusable value for parts[0].kind: 'c' is not one of a, b",
        ),
        ({"parts": [{"kind": "a"}]}, "it lacks 'side'"),
        ({"parts": [{"side": 3, "colour": 1}]}, "it has an unknown field 'colour'"),
        ({"parts": {}}, "it has an unusable value for parts: {} is not a list"),
        ({"pair": [1, "2"]}, "it has an unusable value for pair[1]: '2' is not a number"),
        ({"pair": [1]}, "it has an unusable value for pair: [1] is not a list"),
        ({"amount": -1}, "amount: -1 is not a finite number of at least 0"),
        ({"amount": 10**400}, "is too large"),
        ({"surplus": 1}, "it has an unknown field 'surplus'"),
        ({"name": "forbidden"}, "The name is taken"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(change: dict[str, object], told: str) -> None:
    with pytest.raises(files.Unfit) as caught:
        files.conform({**GOOD, **change}, Outer)
    assert told in str(caught.value)


def test_fields_of_others_can_be_let_pass() -> None:
    assert files.conform({**GOOD, "surplus": 1}, Outer, closed=False).name == "x"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff\xfe", "\0", "9" * 5000])
def test_what_is_no_json_does_not_fit(text: str | bytes) -> None:
    with pytest.raises(files.Unfit, match="not valid JSON"):
        files.parse_json(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_lacks_does_not_fit(number: str) -> None:
    with pytest.raises(files.Unfit, match=f"{number}, which is no finite number"):
        files.parse_json(f"[{number}]")


@pytest.mark.parametrize("values", [None, [], {}, {"format": "other/1"}, "text"])
def test_another_format_does_not_fit(values: object) -> None:
    with pytest.raises(files.Unfit, match='does not say "format": "own/1"'):
        files.of_format(values, "own/1")
    assert files.of_format({"format": "own/1", "a": 2}, "own/1") == {"a": 2}


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1, 2]")
    assert files.read_json(tmp_path / "x.json", 6) == [1, 2]
    with pytest.raises(files.Unfit, match="too large"):
        files.read_json(tmp_path / "x.json", 5)
    with pytest.raises(FileNotFoundError):
        files.read_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "0.5 kB"), (99_999, "100.0 kB"), (21_154_192, "21.2 MB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_in_decimal_units(size: int, text: str) -> None:
    assert files.decimal_size(size) == text
