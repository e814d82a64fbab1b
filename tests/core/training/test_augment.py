"""`effnet_core.training.augment`: draws as pure functions, crops beside torchvision's, mixing."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as reference

from effnet_core.images import Preprocessing, decode, model_view, samples
from effnet_core.training import augment
from effnet_core.training.recipe import Policy, Recipe

PLAIN = Recipe()
POLICIES = ("none", "autoaugment", "randaugment", "trivialaugment")


def table_of(recipe: Recipe, count: int, *, seed: int = 0, step: int = 0) -> torch.Tensor:
    return augment.draws(recipe, count, seed=seed, step=step, device="cpu")


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """The sample pictures as photos of 64 × 64, uint8 (N, 3, 64, 64)."""
    view = Preprocessing(resize=64, crop=64)
    decoded = (decode(samples.load_sample(one.name)) for one in samples.sample_images())
    return torch.stack([reference.pil_to_tensor(model_view(image, view)) for image in decoded])


@pytest.mark.parametrize("policy", POLICIES)
def test_the_draws_are_a_function_of_seed_step_and_row(policy: Policy) -> None:
    recipe = Recipe(policy=policy)
    table = table_of(recipe, 32, seed=3, step=7)
    assert table.shape == (32, augment.draw_count(recipe)) and table.dtype == torch.float32
    assert table.min() >= 0 and table.max() < 1
    torch.rand(5)  # another's use of the global generator changes nothing
    assert torch.equal(table, table_of(recipe, 32, seed=3, step=7))
    assert torch.equal(table[:13], table_of(recipe, 13, seed=3, step=7))
    for other in (table_of(recipe, 32, seed=3, step=8), table_of(recipe, 32, seed=4, step=7)):
        assert not (table == other).any(1).any()


@pytest.mark.parametrize("policy", POLICIES)
def test_parts_of_the_batch_give_the_whole_batch(policy: Policy, pictures: torch.Tensor) -> None:
    recipe = Recipe(policy=policy)
    photos = pictures.repeat(3, 1, 1, 1)
    table = table_of(recipe, len(photos))
    whole = augment.augment(photos, table, recipe, 72)
    for cut in (slice(0, 4), slice(4, 9), slice(9, len(photos))):
        assert torch.equal(augment.augment(photos[cut], table[cut], recipe, 72), whole[cut])


@pytest.mark.parametrize("policy", POLICIES)
def test_pictures_are_floats_from_0_to_1_and_photos_stay_as_they_are(
    policy: Policy, pictures: torch.Tensor
) -> None:
    recipe = Recipe(policy=policy)
    photos = torch.cat([pictures, torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)])
    before = photos.clone()
    for step in range(10):
        made = augment.augment(photos, table_of(recipe, len(photos), step=step), recipe, 40)
        assert made.shape == (len(photos), 3, 40, 40) and made.dtype == torch.float32
        assert made.min() >= 0 and made.max() <= 1
    assert torch.equal(photos, before)


@pytest.mark.parametrize("policy", POLICIES)
def test_equal_photos_of_one_batch_become_different_pictures(
    policy: Policy, pictures: torch.Tensor
) -> None:
    recipe = Recipe(policy=policy)
    made = augment.augment(pictures[:1].repeat(16, 1, 1, 1), table_of(recipe, 16), recipe, 64)
    differ = [not torch.equal(made[i], made[j]) for i in range(16) for j in range(i)]
    assert all(differ)


@pytest.mark.gpu
@pytest.mark.parametrize("policy", POLICIES)
def test_a_gpu_makes_the_same_pictures(policy: Policy, pictures: torch.Tensor) -> None:
    recipe = Recipe(policy=policy)
    photos = pictures.repeat(8, 1, 1, 1)
    table = table_of(recipe, len(photos))
    here = augment.augment(photos, table, recipe, 72)
    there = augment.augment(photos.cuda(), table.cuda(), recipe, 72).cpu()
    # A last digit may move a value over the edge of an equalised or inverted level.
    assert ((here - there).abs() > 1.5 / 255).float().mean() < 0.01


@given(
    left=st.integers(0, 40),
    top=st.integers(0, 40),
    width=st.integers(1, 24),
    height=st.integers(1, 24),
    resolution=st.integers(1, 80),
    flip=st.booleans(),
)
def test_a_crop_equals_torchvisions(
    pictures: torch.Tensor,
    left: int,
    top: int,
    width: int,
    height: int,
    resolution: int,
    flip: bool,
) -> None:
    boxes = torch.tensor([[left, top, width, height], [0, 0, 64, 64]]).float()
    flips = torch.tensor([flip, False])
    made = augment.resized_crop(pictures[:2], boxes, flips, resolution)
    size = [resolution, resolution]
    for row, (box, mirrored) in enumerate(zip(boxes.int().tolist(), flips.tolist(), strict=True)):
        x, y, w, h = box
        photo = pictures[row].float()
        expected = reference.resized_crop(photo, y, x, h, w, size, antialias=False)
        expected = reference.horizontal_flip(expected) if mirrored else expected
        torch.testing.assert_close(made[row], expected, atol=0.01, rtol=0)


def test_the_whole_photo_at_its_own_size_is_unchanged(pictures: torch.Tensor) -> None:
    recipe = Recipe(crop_area=(1, 1), crop_aspect=(1, 1), flip=0)
    made = augment.augment(pictures, table_of(recipe, len(pictures)), recipe, 64)
    torch.testing.assert_close(made, pictures.float() / 255, atol=1e-5, rtol=0)
    flipped = augment.augment(
        pictures, table_of(recipe, len(pictures)), dataclasses.replace(recipe, flip=1), 64
    )
    torch.testing.assert_close(flipped, pictures.flip(-1).float() / 255, atol=1e-5, rtol=0)


@pytest.mark.parametrize("area", [(0.35, 1.0), (0.08, 1.0)])
def test_boxes_are_distributed_as_torchvisions(area: tuple[float, float]) -> None:
    recipe = Recipe(crop_area=area)
    count, side = 4000, 64
    boxes = augment.crop_boxes(table_of(recipe, count), recipe, side)
    torch.manual_seed(0)
    photo = torch.empty(3, side, side)
    theirs = torch.tensor(
        [RandomResizedCrop.get_params(photo, [*area], [0.75, 4 / 3]) for _ in range(count)]
    ).float()[:, [1, 0, 3, 2]]
    for mine, other in zip(_features(boxes, side), _features(theirs, side), strict=True):
        assert abs(mine.mean() - other.mean()) < 5 * other.std() * math.sqrt(2 / count)
        quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
        spread = other.max() - other.min()
        assert (mine.quantile(quantiles) - other.quantile(quantiles)).abs().max() < 0.05 * spread


def test_size_shape_and_place_are_drawn_independently() -> None:
    recipe = Recipe(crop_area=(0.08, 0.3))
    boxes = augment.crop_boxes(table_of(recipe, 4000), recipe, 64)
    correlations = torch.corrcoef(torch.stack(_features(boxes, 64))).fill_diagonal_(0)
    assert correlations.abs().max() < 0.06  # chance gives 0.016


def _features(boxes: torch.Tensor, side: int) -> tuple[torch.Tensor, ...]:
    """Area, log aspect, and where in its room each box lies."""
    left, top, width, height = boxes.unbind(1)
    room_x, room_y = side - width, side - height
    across, down = left[room_x > 0] / room_x[room_x > 0], top[room_y > 0] / room_y[room_y > 0]
    return width * height / side**2, (width / height).log(), across, down


@given(
    low=st.floats(0.001, 1),
    high=st.floats(0.001, 1),
    narrow=st.floats(0.1, 10),
    wide=st.floats(0.1, 10),
    side=st.integers(1, 300),
    seed=st.integers(0, 99),
)
def test_boxes_lie_within_the_photo(
    low: float, high: float, narrow: float, wide: float, side: int, seed: int
) -> None:
    recipe = Recipe(
        crop_area=(min(low, high), max(low, high)),
        crop_aspect=(min(narrow, wide), max(narrow, wide)),
    )
    table = table_of(recipe, 64, seed=seed)
    table[0], table[1] = 0, 1 - 2**-24  # the ends of what may be drawn
    left, top, width, height = augment.crop_boxes(table, recipe, side).unbind(1)
    assert (left >= 0).all() and (top >= 0).all()
    assert (width >= 1).all() and (height >= 1).all()
    assert (left + width <= side).all() and (top + height <= side).all()


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [((2.0, 4.0), [0, 16, 64, 32]), ((0.25, 0.5), [16, 0, 32, 64]), ((1.0, 1.0), [0, 0, 64, 64])],
)
def test_where_nothing_fits_the_largest_allowed_crop_is_central(
    aspect: tuple[float, float], expected: list[int]
) -> None:
    recipe = Recipe(crop_area=(1.0, 1.0), crop_aspect=aspect)
    boxes = augment.crop_boxes(table_of(recipe, 5), recipe, 64)
    assert boxes.tolist() == [expected] * 5


def test_the_share_of_mirrored_photos_is_the_recipes() -> None:
    recipe = Recipe(flip=0.3, crop_area=(1, 1), crop_aspect=(1, 1))
    photo = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    photo[..., 0] = 255  # white on the left
    made = augment.augment(photo.repeat(4000, 1, 1, 1), table_of(recipe, 4000), recipe, 2)
    assert abs((made[:, 0, 0, 0] == 0).float().mean() - 0.3) < 0.03


def mixed(
    recipe: Recipe, *, step: int = 0, part: int = 0, side: int = 32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures whose every pixel is the photo's number, mixed; their first channel and targets."""
    images = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, side, side)
    labels = torch.arange(8)
    made, targets = augment.mix(images, labels, 8, recipe, seed=0, step=step, part=part)
    assert made.shape == images.shape and torch.equal(made[:, 0], made[:, 2])
    assert targets.shape == (8, 8) and targets.dtype == torch.float32
    torch.testing.assert_close(targets.sum(1), torch.ones(8))
    return made[:, 0], targets


def test_without_mixing_targets_are_one_hot() -> None:
    made, targets = mixed(PLAIN)
    assert (made == torch.arange(8.0).view(8, 1, 1)).all()
    assert torch.equal(targets, torch.eye(8))


def test_mixup_blends_each_photo_with_its_neighbour_as_its_targets_say() -> None:
    made, targets = mixed(Recipe(mixup=0.8))
    own = targets.diagonal()
    assert (own == own[0]).all() and 0 < own[0] < 1
    numbers = torch.arange(8.0)
    torch.testing.assert_close(targets @ numbers, made[:, 0, 0])
    torch.testing.assert_close(made[:, 0, 0], own * numbers + (1 - own) * numbers.roll(1))
    assert (made == made[:, :1, :1]).all()


def test_cutmix_takes_one_box_of_the_neighbour_and_counts_its_pixels() -> None:
    sizes = set()
    for step in range(40):
        made, targets = mixed(Recipe(cutmix=1.0), step=step)
        theirs = made != torch.arange(8.0).view(8, 1, 1)
        assert (theirs == theirs[0]).all()
        assert (made[:, theirs[0]] == torch.arange(8.0).roll(1).view(8, 1)).all()
        rows, columns = theirs[0].any(1), theirs[0].any(0)
        assert theirs[0].sum() == rows.sum() * columns.sum()  # a rectangle
        assert (rows.diff().sum() <= 2) and (columns.diff().sum() <= 2)  # without gaps
        torch.testing.assert_close(targets.diagonal(), 1 - theirs.float().mean((1, 2)))
        sizes.add(int(theirs[0].sum()))
    assert len(sizes) > 20


def test_mixing_is_drawn_from_seed_step_and_part() -> None:
    recipe = Recipe(mixup=1.0)
    assert torch.equal(mixed(recipe, step=5, part=1)[1], mixed(recipe, step=5, part=1)[1])
    shares = {float(mixed(recipe, step=s, part=p)[1][0, 0]) for s in range(5) for p in range(5)}
    assert len(shares) == 25


def test_with_both_each_batch_draws_one_of_the_two() -> None:
    recipe = Recipe(mixup=1.0, cutmix=1.0)
    blended = [bool((mixed(recipe, step=step)[0] % 1 != 0).any()) for step in range(400)]
    assert abs(sum(blended) / 400 - 0.5) < 0.1


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_the_share_follows_the_beta_distribution(alpha: float) -> None:
    drawn = [mixed(Recipe(mixup=alpha), step=s, side=1)[1][0, 0] for s in range(1000)]
    shares = torch.stack(drawn)
    assert abs(shares.mean() - 0.5) < 0.06
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.2)
