"""What is refused before a process starts, and that nothing is left behind then."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest

from effnet_core.datasets.drawn import drawn_zip
from effnet_core.errors import Busy, DoesNotFit, EffnetError, InvalidInput
from effnet_core.service.training.jobs import TrainingJobs, default_root
from effnet_core.service.training.names import RUN_ID, cleaned, new_id, unused
from effnet_core.service.training.orders import Wish

Files = dict[str, bytes]


def shapes() -> bytes:
    return drawn_zip(10)


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def pictures(count: int = 8) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(drawn_zip(count))) as archive:
        return [archive.read(name) for name in archive.namelist()]


@pytest.mark.parametrize(
    "run_id",
    ["", ".", "..", "../runs", "a/../../b-aaaaaa", "/etc/passwd", "x-aaaaaa\n", "Ä-aaaaaa"],
)
def test_no_id_leads_out_of_the_folder(place: Any, run_id: str) -> None:
    (place.folder / "runs").mkdir()
    for ask in (
        place.jobs().status,
        place.jobs().course,
        place.jobs().cancel,
        place.jobs().resume,
        place.jobs().remove,
        place.jobs().weights_file,
    ):
        with pytest.raises(InvalidInput, match="There is no run called"):
            ask(run_id)


def test_a_link_in_the_folder_is_no_run(place: Any) -> None:
    outside = place.folder / "outside"
    outside.mkdir()
    (place.folder / "runs").mkdir()
    (place.folder / "runs" / "linked-aaaaaa").symlink_to(outside)
    assert not place.jobs().runs()
    with pytest.raises(InvalidInput):
        place.jobs().remove("linked-aaaaaa")
    assert outside.is_dir()


def _one_class() -> Files:
    return {f"cats/{n}.png": data for n, data in enumerate(pictures(2))}


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"#!/bin/sh\n" * 100, "neither a folder nor a zip"),
    "nothing": (lambda: b"", "neither a folder nor a zip"),
    "one class": (lambda: zipped(_one_class()), "single class"),
    "no photos": (lambda: zipped({"a/x.txt": b"1", "b/y.txt": b"2"}), "no photos to train on"),
    "path": (lambda: zipped(_one_class() | {"../../evil.png": b"x"}), "not a plain relative path"),
    "root": (lambda: zipped(_one_class() | {"/etc/evil.png": b"x"}), "not a plain relative path"),
    "no pictures": (
        lambda: zipped({f"{c}/{n}.png": b"junk" for c in "ab" for n in range(9)}),
        "Not one photo of the class 'a' can be read",
    ),
    "bomb": (
        lambda: zipped({"a/1.png": bytes(40_000_000), "b/1.png": bytes(40_000_000)}),
        "larger than|unpacks to more",
    ),
    "damaged": (lambda: shapes()[:-200], "neither a folder nor a zip"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_uploads_are_refused_in_a_sentence_and_leave_nothing(place: Any, kind: str) -> None:
    make, sentence = HOSTILE[kind]
    jobs = place.jobs(upload_bytes=3_000_000)
    with pytest.raises(EffnetError, match=sentence):
        jobs.start(make(), place.wish)
    assert not place.left() and not jobs.runs()


def test_a_zip_whose_photos_are_mostly_broken_is_too_few(place: Any) -> None:
    files = {f"{c}/{n}.png": b"junk" for c in "ab" for n in range(9)}
    good = {f"{c}/good{n}.png": pictures(1)[0] for c in "ab" for n in range(3)}
    with pytest.raises(InvalidInput, match="Only 6 of the photos can be read"):
        place.jobs().start(zipped(files | good), place.wish)
    assert not place.left()


def test_limits_are_told_before_anything_is_decoded(place: Any) -> None:
    def start(wish: Wish = place.wish, **limits: int) -> None:
        def never(done: int, total: int) -> None:
            pytest.fail("a photo was decoded")

        place.jobs(**limits).start(shapes(), wish, progress=never)

    with pytest.raises(InvalidInput, match="are accepted; make the photos smaller"):
        start(upload_bytes=1000)
    with pytest.raises(InvalidInput, match="40 photos, and 39 are accepted"):
        start(photos=39)
    with pytest.raises(InvalidInput, match="a run may keep"):
        start(prepared_bytes=40 * 3 * 32 * 32 - 1)
    with pytest.raises(DoesNotFit, match="multiply-adds a photo"):
        start(replace(place.wish, phi=4.0, resolution=512))
    with pytest.raises(DoesNotFit, match="of memory, and"):
        recipe = replace(place.wish.recipe, batch=65_536, held_out=8)
        start(replace(place.wish, phi=0.0, resolution=224, recipe=recipe))
    with pytest.raises(InvalidInput, match="9 stages; 10 cannot be frozen"):
        start(replace(place.wish, recipe=replace(place.wish.recipe, frozen_stages=10)))
    with pytest.raises(InvalidInput, match="as many as there may be"):
        start(runs=0)
    with pytest.raises(InvalidInput, match="No weights called '/etc/passwd'"):
        start(Wish(name="x", recipe=place.wish.recipe, weights="/etc/passwd"))
    assert not place.left()


def test_somebody_else_s_preparation_is_waited_for_and_a_killed_one_swept(place: Any) -> None:
    jobs = place.jobs(runs=0)
    left = place.folder / "runs" / ".new-123"
    (left / "data").mkdir(parents=True)
    with filelock.FileLock(place.folder / "runs" / ".lock"):
        with pytest.raises(Busy, match="is being prepared"):
            jobs.start(shapes(), place.wish)
        assert left.exists()
    with pytest.raises(InvalidInput):
        jobs.start(shapes(), place.wish)
    assert not place.left()


def test_a_preparation_that_is_broken_off_leaves_nothing(place: Any) -> None:
    def leave(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.jobs().start(shapes(), place.wish, progress=leave)
    assert not place.left()
    with filelock.FileLock(place.folder / "runs" / ".lock", timeout=0):
        pass


def test_what_a_zip_holds_is_told_without_reading_a_photo(place: Any) -> None:
    files = {f"train/{c}/{n}.png": b"junk" for c in "ab" for n in range(3)}
    more = {f"val/{c}/{n}.png": b"junk" for c in "ab" for n in range(2)}
    found = place.jobs().look(zipped(files | more))
    assert (found.counts, found.photos, found.validation) == ((("a", 3), ("b", 3)), 6, 4)


def test_names_are_one_line_and_told_apart() -> None:
    assert cleaned("  My\ncats\x00\u202e & dogs  ") == "My cats & dogs"
    assert cleaned("B0 · IMAGENET1K_V1") == "B0 - IMAGENET1K_V1"
    assert cleaned("\n\t") == "Run" and len(cleaned("x" * 500)) == 60
    assert unused("Cats", {"cats", "Cats 2"}) == "Cats 3"
    assert unused("x" * 60, {"x" * 60}) == "x" * 55 + " 2"
    for name in ("Käfer & Co", "φ", "../../etc", "-", "a" * 60, "<script>"):
        first, second = new_id(name), new_id(name)
        assert RUN_ID.fullmatch(first) and first != second


def test_the_folder_is_the_user_s_own_unless_a_variable_names_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EFFNET_RUNS", str(tmp_path / "mine"))
    assert TrainingJobs().root == default_root() == tmp_path / "mine"
    assert not TrainingJobs().runs() and not (tmp_path / "mine").exists()
    monkeypatch.delenv("EFFNET_RUNS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_root() == tmp_path / "data" / "effnet" / "runs"


def test_a_wish_begins_from_one_thing(place: Any) -> None:
    neither_and_both: tuple[dict[str, Any], ...] = ({}, {"phi": 0.0, "weights": "b0"})
    for both in neither_and_both:
        with pytest.raises(InvalidInput, match="either from"):
            Wish(name="x", recipe=place.wish.recipe, **both)
