"""`effnet_core.datasets`: every layout of the table is read as it says; splits by any names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from effnet_core.datasets.listing import Listing, list_photos, without_disguised
from effnet_core.datasets.splits import (
    WORDS,
    AmbiguousFolders,
    FoldersAre,
    Part,
    named,
)
from effnet_core.datasets.trees import Tree, opened
from effnet_core.errors import DataError
from tests.reading.pictures import of_brand
from tests.reading.zips import ZIPS, Row, zipped


def listed(data: bytes, folders_are: FoldersAre | None = None) -> Listing:
    with opened([data]) as (tree, _):
        return list_photos(tree, folders_are=folders_are)


@pytest.mark.parametrize("row", ZIPS, ids=lambda row: row.layout)
def test_a_zip_is_read_as_its_layout_is_meant(row: Row) -> None:
    if row.refused:
        with pytest.raises(DataError, match=row.refused) as caught:
            listed(row.make())
        assert str(caught.value).endswith(".")
        return
    found = listed(row.make())
    assert found.classes == tuple(sorted(row.classes))
    counts = {split: len(photos) for split, photos in found.photos.items()}
    assert counts == {"train": row.train} | ({"val": row.val} if row.val else {})
    assert found.passed_over.folders == row.left_out
    assert found.passed_over.kinds == row.passed_over
    assert found.passed_over.loose == row.loose
    assert found.passed_over.encoding == row.guessed
    assert ("a guess" in found.passed_over.in_words) == bool(row.guessed)


def test_what_is_told_settles_what_could_be_either() -> None:
    within = zipped(["cat/train/1.png", "cat/val/2.png", "dog/train/3.png", "dog/val/4.png"])
    assert listed(within, "classes").classes == ("cat", "dog")
    flat = zipped(["train/1.png", "test/2.png"])
    assert listed(flat, "classes").classes == ("test", "train")
    nested = zipped(["train/steam/1.png", "train/diesel/2.png", "bus/city/3.png"])
    assert listed(nested, "classes").classes == ("bus", "train")
    found = listed(nested, "splits")
    assert found.classes == ("diesel", "steam")
    assert found.passed_over.folders == ("bus",)
    with pytest.raises(DataError, match="call them train and val"):
        listed(zipped(["cat/1.png", "dog/2.png"]), "splits")


def test_a_heic_called_jpg_is_found_by_its_bytes() -> None:
    class_of = {"cat/0.jpg": of_brand(b"heic"), "cat/1.jpg": b"\xff\xd8\xff", "dog/0.jpg": b"x"}
    tree = Tree(
        {path: lambda limit=None, data=data: data[:limit] for path, data in class_of.items()},
        frozenset(("cat", "dog")),
    )
    found = without_disguised(list_photos(tree))
    assert [photo.name for photo in found.photos["train"]] == ["cat/1.jpg", "dog/0.jpg"]
    assert found.passed_over.kinds == (("HEIC", 1),)
    assert found.passed_over.in_words == (
        "Files passed over, which are not read as pictures: HEIC 1. Save such pictures as JPEG to "
        "use them."
    )


WORDS_OF = {part: words.split() for part, words in WORDS.items()}
AFFIXES = st.sampled_from(["", "seg_", "my-", "2017_", "Set ", "images."])
CASES = st.sampled_from([str.lower, str.upper, str.title])


@st.composite
def split_names(draw: st.DrawFn) -> Mapping[Part, str]:
    """A folder for each of two or three parts, named alike around the parts' words."""
    before, after, case = draw(AFFIXES), draw(AFFIXES)[::-1].strip(), draw(CASES)
    every: list[tuple[Part, ...]] = [("train", "val"), ("train", "test"), ("train", "val", "test")]
    parts = draw(st.sampled_from(every))
    words = {part: case(draw(st.sampled_from(WORDS_OF[part]))) for part in parts}
    return {part: f"{before}{word}_{after}".rstrip("_") for part, word in words.items()}


@given(
    names=split_names(),
    classes=st.lists(
        st.sampled_from(["cat", "dog", "train", "test", "Bus"]), min_size=2, max_size=4, unique=True
    ),
    sibling=st.sampled_from(["", "docs", "chest_xray", "notes"]),
)  # fmt: skip
def test_trees_of_splits_are_read_as_such(
    names: Mapping[Part, str], classes: list[str], sibling: str
) -> None:
    assume(all(named(name) is not None for name in names.values()))
    paths = [f"{name}/{one}/{n}.png" for name in names.values() for one in classes for n in "01"]
    found = listed(zipped([*paths, *([f"{sibling}/x.png"] if sibling else [])]))
    assert found.divided
    assert found.classes == tuple(sorted(classes))
    assert len(found.photos["train"]) == 2 * len(classes)
    assert len(found.photos.get("val", ())) == (2 * len(classes) if "val" in names else 0)
    assert {sibling} - {""} <= set(found.passed_over.folders)


@given(
    names=st.lists(
        st.sampled_from(sum(WORDS_OF.values(), ["bus", "car", "train_station", "Train", "cat"])),
        min_size=2, max_size=5, unique_by=str.casefold,
    ),
)  # fmt: skip
def test_folders_of_photos_are_classes_or_a_question(names: list[str]) -> None:
    data = zipped([f"{name}/{n}.png" for name in names for n in "01"])
    try:
        found = listed(data)
    except AmbiguousFolders as error:
        assert all(named(name) is not None for name in names)
        assert str(error).endswith("say whether they are splits or classes.")
        found = listed(data, "classes")
    assert found.classes == tuple(sorted(names))
    assert len(found.photos["train"]) == 2 * len(names)


@given(data=st.data())
def test_any_tree_is_a_listing_or_a_sentence_and_nothing_vanishes(data: st.DataObject) -> None:
    part = st.sampled_from(["train", "Val", "test_set", "cat", "dog", "bus", "data", "seg_train"])
    depth = st.lists(part, min_size=1, max_size=4)
    paths = data.draw(st.lists(depth.map("/".join), min_size=1, max_size=8, unique=True))
    try:
        found = listed(zipped([f"{path}/{n}.png" for n, path in enumerate(paths)]))
    except DataError as error:
        assert str(error).endswith(".")
        return
    told = sum(map(len, found.photos.values())) + found.passed_over.loose
    assert told == len(paths) or (told < len(paths) and found.passed_over.folders)
