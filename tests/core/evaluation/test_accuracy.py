"""`evaluate`: worked out by hand on colours, indifferent to order and batch, as the Predictor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from effnet_core.datasets.photo_files import PhotoFiles
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import DataError, DoesNotFit, EffnetError, InvalidInput
from effnet_core.evaluation import accuracy
from effnet_core.evaluation.accuracy import evaluate, places, right
from effnet_core.evaluation.result import (
    Evaluation,
    PhotoAnswers,
    confidence_bins,
    confidence_error,
)
from effnet_core.images import Preprocessing

COLOURS = ("red", "green", "blue")
SIDE = 4
SHOWN = Preprocessing(resize=SIDE, crop=SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class Colour(nn.Module):
    """The logit of a colour is its mean over the photo, times `scale`."""

    def __init__(self, scale: float = 4.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) * self.scale


@dataclass
class Toy:
    """What is used of a Predictor."""

    model: nn.Module = field(default_factory=Colour)
    classes: tuple[str, ...] = COLOURS
    weights_id: str = "toy"
    dtype: str = "float32"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    preprocessing: Preprocessing = SHOWN
    activation: str = "softmax"
    one_logit: bool = False


def toy(**fields: Any) -> Predictor:
    return cast(Predictor, Toy(**fields))


def coloured(*photos: tuple[int, int, int], labels: tuple[int, ...]) -> PhotoSet:
    """Photos of one colour each."""
    pixels = torch.tensor(photos, dtype=torch.uint8)[:, :, None, None]
    return PhotoSet(
        images=pixels.expand(-1, -1, SIDE, SIDE).contiguous(),
        labels=torch.tensor(labels),
        classes=COLOURS,
        class_ids=COLOURS,
        names=tuple(f"{number}.png" for number in range(len(photos))),
    )


RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def test_worked_out_by_hand() -> None:
    found = evaluate(toy(), coloured(RED, RED, GREEN, BLACK, labels=(0, 1, 1, 2)), batch=3)
    sure, third = math.exp(4) / (math.exp(4) + 2), 1 / 3
    assert (found.photos, found.top1, found.top5) == (4, 0.5, 1.0)  # black is taken for red
    losses = [-math.log(sure), math.log(math.exp(4) + 2), -math.log(sure), math.log(3)]
    assert found.loss == pytest.approx(sum(losses) / 4)
    assert found.answers.predicted.tolist() == [0, 0, 1, 0]
    assert found.answers.places.tolist() == [0, 1, 0, 2]
    assert found.answers.confidences == pytest.approx([sure, sure, sure, third])
    assert found.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert [(each.name, each.photos, each.top1) for each in found.per_class] == [
        ("red", 1, 1.0),
        ("green", 2, 0.5),
        ("blue", 1, 0.0),
    ]
    assert [(each.true, each.predicted, each.photos) for each in found.most_confused(9)] == [
        ("green", "red", 1),
        ("blue", "red", 1),
    ]
    assert found.confidence_error == pytest.approx(3 / 4 * (sure - 2 / 3) + 1 / 4 * third)
    assert found.top1_standard_error == pytest.approx(0.25)
    assert found.images_per_second == pytest.approx(4 / found.seconds)
    assert (found.left_out, found.unreadable) == ((), ())


def test_calibration_error_worked_out_by_hand() -> None:
    answers = PhotoAnswers(
        names=("",) * 5,
        labels=np.zeros(5, np.int64),
        predicted=np.array([0, 0, 1, 0, 1]),
        places=np.array([0, 0, 1, 0, 1]),
        confidences=np.array([0.95, 0.95, 0.95, 0.6, 0.6]),
        losses=np.zeros(5),
    )
    bins = confidence_bins(answers)
    assert len(bins) == 15
    assert {number: bins[number].photos for number in range(15) if bins[number].photos} == {
        8: 2,  # 0.6 = 9/15 is the last of (8/15, 9/15]
        14: 3,
    }
    assert (bins[8].high, bins[8].accuracy, bins[8].confidence) == (0.6, 0.5, 0.6)
    assert (bins[0].accuracy, bins[0].confidence) == (None, None)
    assert confidence_error(bins) == pytest.approx(3 / 5 * (0.95 - 2 / 3) + 2 / 5 * (0.6 - 0.5))
    one = confidence_bins(answers, bins=1)
    assert confidence_error(one) == pytest.approx(abs(3 / 5 - (3 * 0.95 + 2 * 0.6) / 5))


def test_of_equal_answers_the_lower_class_stands_first() -> None:
    labels = torch.arange(8)
    assert places(torch.zeros((8, 8)), labels).tolist() == list(range(8))
    assert right(torch.zeros((8, 8)), labels).tolist()[:3] == [8, 1, 5]
    answers = torch.tensor([[1.0, 2.0, 2.0, 0.0]]).expand(4, 4)
    assert places(answers, torch.arange(4)).tolist() == [2, 0, 1, 3]
    order = answers[0].argsort(descending=True, stable=True)  # as in a Prediction
    assert [order.tolist().index(label) for label in range(4)] == [2, 0, 1, 3]


def test_an_answer_that_is_no_number_is_never_right() -> None:
    answers = torch.full((2, 6), float("nan"))
    answers[1, 3] = 1
    assert places(answers, torch.tensor([0, 3])).tolist() == [6, 5]
    assert right(answers, torch.tensor([0, 3])).tolist()[:3] == [2, 0, 0]
    with pytest.raises(EffnetError, match=r"toy gives answers that are no finite .* in float32"):
        evaluate(toy(model=Colour(float("inf"))), coloured(RED, labels=(0,)), batch=1)


def same(one: Evaluation, other: Evaluation) -> bool:
    """Whether both say the same, but for the rounding of sums."""
    exact = ("photos", "top1", "top5", "per_class")
    assert [getattr(one, name) for name in exact] == [getattr(other, name) for name in exact]
    assert (one.confusion == other.confusion).all()
    for name in ("loss", "confidence_error"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6, abs=1e-9)
    return True


@given(st.data())
def test_neither_order_nor_batch_counts(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    seed, batch = data.draw(st.integers(0, 999)), data.draw(st.integers(1, count + 2))
    order = data.draw(st.permutations(range(count)))
    generator = torch.Generator().manual_seed(seed)
    photos = PhotoSet(
        images=torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=generator).byte(),
        labels=torch.randint(0, 3, (count,), generator=generator),
        classes=COLOURS,
        class_ids=COLOURS,
        names=tuple(map(str, range(count))),
    )
    whole = evaluate(toy(), photos, batch=count)
    assert whole.confusion.sum() == count
    assert whole.confusion.trace() == round(whole.top1 * count)
    assert whole.confusion.sum(1).tolist() == photos.labels.bincount(minlength=3).tolist()
    assert sum(each.photos for each in whole.per_class) == count
    assert sum(each.photos for each in whole.confidence_bins) == count
    shuffled = evaluate(toy(), photos.subset(torch.tensor(order)), batch=batch)
    assert same(whole, shuffled)
    assert shuffled.answers.names == tuple(map(str, order))
    assert (shuffled.answers.predicted == whole.answers.predicted[order]).all()


def test_so_many_photos_are_drawn_once_each_and_alike_for_a_seed() -> None:
    photos = coloured(*[RED] * 20, labels=(0,) * 20)
    names = [
        evaluate(toy(), photos, batch=4, max_photos=7, seed=s).answers.names for s in (0, 0, 1)
    ]
    assert names[0] == names[1] != names[2]
    assert len(set(names[0])) == 7
    assert evaluate(toy(), photos, batch=4, max_photos=99).photos == 20


def test_photos_of_other_classes_are_left_out_and_counted() -> None:
    found = evaluate(toy(classes=("blue", "Green ")), coloured(RED, GREEN, labels=(0, 1)), batch=9)
    assert found.photos == 1
    assert [(each.name, each.photos) for each in found.left_out] == [("red", 1)]
    assert found.answers.labels.tolist() == [1]


def files(*contents: bytes) -> PhotoFiles:
    def read(content: bytes) -> Any:
        return lambda: content

    return PhotoFiles(
        reads=tuple(map(read, contents)),
        labels=torch.zeros(len(contents), dtype=torch.int64),
        classes=COLOURS,
        class_ids=COLOURS,
        names=tuple(f"red/{number}" for number in range(len(contents))),
        boxes=(None,) * len(contents),
    )


def test_unreadable_photos_are_named_and_not_counted(drawn: Any) -> None:
    told: list[tuple[int, int]] = []
    photos = files(b"no picture", drawn.jpeg(1), b"", drawn.jpeg(2))
    found = evaluate(toy(), photos, batch=2, progress=lambda *both: told.append(both))
    assert found.answers.names == ("red/1", "red/3")
    assert [name for name, _ in found.unreadable] == ["red/0", "red/2"]
    assert found.unreadable[1][1].startswith("The file is empty")
    assert told == [(2, 4), (4, 4)]
    assert found.to_dict()["unreadable"][0]["photo"] == "red/0"
    with pytest.raises(DataError, match=r"Not one of the photos can be read \(The file is empty"):
        evaluate(toy(), files(b"", b""), batch=2)


def test_what_progress_raises_ends_it_with_few_photos_read(drawn: Any) -> None:
    read: list[int] = []
    photos = files(*[drawn.jpeg(1)] * 60)

    def counted(number: int, one: Callable[[], bytes]) -> Callable[[], bytes]:
        def count() -> bytes:
            read.append(number)
            return one()

        return count

    reads = tuple(counted(number, one) for number, one in enumerate(photos.reads))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(toy(), PhotoFiles(**{**vars(photos), "reads": reads}), batch=5, progress=stop)
    assert len(read) <= 15  # three batches, not all sixty, are ever in memory


def test_bad_numbers_and_full_memory_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = coloured(RED, labels=(0,))
    wrongs: tuple[dict[str, Any], ...] = ({"batch": 0}, {"batch": 1, "max_photos": 0})
    for wrong in wrongs:
        with pytest.raises(InvalidInput, match="At least one photo"):
            evaluate(toy(), photos, **wrong)

    def full(*args: Any, **options: Any) -> Tensor:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(accuracy, "logits", full)
    with pytest.raises(DoesNotFit, match="Memory ran out with 1 photos at once; choose a smaller"):
        evaluate(toy(), photos, batch=1)
