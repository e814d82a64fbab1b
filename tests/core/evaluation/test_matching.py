"""Which of a network's classes a photo's class is."""

from __future__ import annotations

import pytest
import torch
from timm.data import ImageNetInfo

from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import DataError
from effnet_core.evaluation.matching import AMBIGUOUS, LACKING, for_classes, imagenet_wnids
from effnet_core.weights.published import imagenet_classes


def photos(*classes: str | tuple[str, str]) -> PhotoSet:
    """One photo of each class, given by its name or by (id, name)."""
    pairs = [(each, each) if isinstance(each, str) else each for each in classes]
    return PhotoSet(
        images=torch.arange(len(pairs)).byte()[:, None, None, None].expand(-1, 3, 8, 8),
        labels=torch.arange(len(pairs)),
        classes=tuple(name for _, name in pairs),
        class_ids=tuple(class_id for class_id, _ in pairs),
        names=tuple(f"{class_id}/0.png" for class_id, _ in pairs),
    )


def matched(given: PhotoSet, classes: tuple[str, ...]) -> list[str]:
    """The class of each photo that is kept."""
    kept, _ = for_classes(given, classes)
    assert kept.classes == classes
    return [classes[label] for label in kept.labels]


def test_wnids_are_imagenets_in_order() -> None:
    assert list(imagenet_wnids()) == ImageNetInfo("imagenet-1k").label_names()
    assert len(imagenet_wnids()) == len(imagenet_classes())


@pytest.mark.parametrize("form", ["{wnid}", "{wnid}_{name}", "{name}", "{wnid} {NAME}", "{under}"])
def test_every_way_to_name_imagenets_classes(form: str) -> None:
    names = [
        form.format(wnid=wnid, name=name, NAME=name.upper(), under=name.replace(" ", "_"))
        for wnid, name in zip(imagenet_wnids(), imagenet_classes(), strict=True)
    ]
    kept, left_out = for_classes(photos(*reversed(names)), imagenet_classes())
    assert left_out == ()
    assert kept.labels.tolist() == list(range(999, -1, -1))


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (("Red_Fox", " ant"), ("ant", "red  fox")),
        (("Red_fox", "red_fox"), ("red fox", "Red fox")),
        ((("n02119022", "?"), ("n01440764", "?")), ("n01440764", "n02119022 red fox")),
        ((("n02119022", "fox, red"), ("n01440764", "??")), ("tench", "red fox")),  # by ImageNet
        ((("7", "red fox"), ("9", "ant")), ("ant", "red fox")),
        ((("red fox", "zorro"), ("ant", "hormiga")), ("ant", "red fox")),
        ((("ant", "red fox"), ("red fox", "ant")), ("ant", "red fox")),  # names before ids
    ],
)
def test_names_are_compared_without_blanks_and_underscores_and_mostly_case(
    given: tuple[str | tuple[str, str], ...], classes: tuple[str, str]
) -> None:
    assert matched(photos(*given), classes) == [classes[1], classes[0]]


def test_equal_lists_match_by_place_even_where_a_name_is_there_twice() -> None:
    twice = ("crane", "crane", "ant")
    kept, left_out = for_classes(photos(*twice), twice)
    assert (kept.labels.tolist(), left_out) == ([0, 1, 2], ())


def test_what_the_model_lacks_or_has_twice_is_left_out_and_named() -> None:
    given = photos("ant", "CRANE", ("n00000001", "bee"), "cat")
    given = given.subset(torch.tensor([3, 0, 1, 2, 0]))  # no photo is left out of its place
    kept, left_out = for_classes(given, ("crane", "Crane", "ant", "cat", "dog"))
    assert kept.labels.tolist() == [3, 2, 2]
    assert isinstance(kept, PhotoSet)
    assert [int(image[0, 0, 0]) for image in kept.images] == [3, 0, 0]
    assert kept.names == ("cat/0.png", "ant/0.png", "ant/0.png")
    assert [(each.class_id, each.name, each.photos, each.reason) for each in left_out] == [
        ("CRANE", "CRANE", 1, AMBIGUOUS),
        ("n00000001", "bee", 1, LACKING),
    ]


def test_a_class_without_photos_is_not_left_out() -> None:
    given = photos("ant", "bee").subset(torch.tensor([0]))
    assert for_classes(given, ("ant", "cat"))[1] == ()


def test_another_wnid_is_another_class_whatever_its_name() -> None:
    """WordNet has two cranes, and ImageNet's model means one of its own by each wnid."""
    given = photos(("n99999999", "tench"), ("n01443537", "tench"))
    kept, left_out = for_classes(given, imagenet_classes())
    assert [imagenet_classes()[label] for label in kept.labels] == ["goldfish"]
    assert [each.class_id for each in left_out] == ["n99999999"]


def test_no_class_in_common_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"None of the photos' classes \('ant', 'bee', 'cat', …\)"):
        for_classes(photos("ant", "bee", "cat", "dog"), ("tench", "goldfish"))
