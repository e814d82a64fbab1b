"""`effnet_core.training.policies`: tables, scales and draws beside torchvision's."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
import torch
from torch import Tensor
from torchvision.transforms import autoaugment, v2
from torchvision.transforms.functional import pil_to_tensor

from effnet_core.images import Preprocessing, decode, model_view, samples
from effnet_core.training import augment, policies
from effnet_core.training.pixel_ops import Operation
from effnet_core.training.policies import IMAGENET_POLICY, NAMES, RANDOM_CHOICES, SIGNED
from effnet_core.training.recipe import Policy, Recipe

SIDES = (64, 72, 224)
DRAWING = ("autoaugment", "randaugment", "trivialaugment")


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """The sample pictures as photos of 64 × 64, uint8 (N, 3, 64, 64)."""
    view = Preprocessing(resize=64, crop=64)
    decoded = (decode(samples.load_sample(one.name)) for one in samples.sample_images())
    return torch.stack([pil_to_tensor(model_view(image, view)) for image in decoded])


def numbers(recipe: Recipe, count: int) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand(count, policies.number_count(recipe), generator=random)


def names_of(operations: Tensor) -> list[str]:
    return [NAMES[number] for number in operations.tolist()]


def torchvisions_space(policy: Policy, side: int) -> dict[str, tuple[Tensor, bool]]:
    if policy == "autoaugment":
        return autoaugment.AutoAugment()._augmentation_space(10, (side, side))
    if policy == "randaugment":
        return autoaugment.RandAugment()._augmentation_space(31, (side, side))
    return autoaugment.TrivialAugmentWide()._augmentation_space(31)


def test_the_sub_policies_are_torchvisions() -> None:
    theirs = autoaugment.AutoAugment()._get_policies(autoaugment.AutoAugmentPolicy.IMAGENET)
    levelled = tuple(
        tuple((name, probability, level or 0) for name, probability, level in pair)
        for pair in theirs
    )
    assert levelled == IMAGENET_POLICY and len(IMAGENET_POLICY) == 25


@pytest.mark.parametrize("policy", DRAWING)
@pytest.mark.parametrize("side", SIDES)
def test_the_magnitudes_are_torchvisions(policy: Policy, side: int) -> None:
    space = torchvisions_space(policy, side)
    scales = policies.magnitude_scales(policy, side)
    for name, (magnitudes, signed) in space.items():
        assert torch.equal(scales[name], magnitudes.float().expand_as(scales[name])), name
        assert signed == (name in SIGNED), name
    if policy != "autoaugment":
        assert set(space) == set(RANDOM_CHOICES)


def test_autoaugment_draws_sub_policies_as_often_as_the_paper_says() -> None:
    recipe, count = Recipe(policy="autoaugment"), 25_000
    operations, magnitudes = policies.choose(numbers(recipe, count), recipe, 64)
    assert operations.shape == magnitudes.shape == (2, count)
    for step in (0, 1):
        expected: defaultdict[str, float] = defaultdict(float)
        for pair in IMAGENET_POLICY:
            name, probability, _ = pair[step]
            expected[name] += probability / 25
            expected["Identity"] += (1 - probability) / 25
        drawn = Counter(names_of(operations[step]))
        assert set(drawn) == {name for name, share in expected.items() if share > 0}
        for name, share in expected.items():
            assert abs(drawn[name] / count - share) < 5 * (share / count) ** 0.5, (step, name)
    pairs = Counter(zip(names_of(operations[0]), names_of(operations[1]), strict=True))
    allowed = {
        (first, second)
        for one, other in IMAGENET_POLICY
        for first in (one[0], "Identity")
        for second in (other[0], "Identity")
    }
    assert set(pairs) <= allowed
    # Sub-policy 14, twice in the table: Color at 0.6, Contrast always.
    assert pairs["Color", "Contrast"] / count == pytest.approx(2 / 25 * 0.6, rel=0.1)


def test_autoaugments_magnitudes_are_those_of_the_drawn_levels() -> None:
    recipe = Recipe(policy="autoaugment")
    operations, magnitudes = policies.choose(numbers(recipe, 4000), recipe, 64)
    scales = policies.magnitude_scales("autoaugment", 64)
    for step in (0, 1):
        for name in set(names_of(operations[step])):
            drawn = magnitudes[step][operations[step] == NAMES.index(name)]
            levels = {pair[step][2] for pair in IMAGENET_POLICY if pair[step][0] == name} or {0}
            values = scales[name][sorted(levels)]
            assert set(drawn.abs().tolist()) == set(values.tolist())
            if name in SIGNED and values.max() > 0:
                assert 0.35 < (drawn[drawn != 0] < 0).float().mean() < 0.65
            else:
                assert (drawn >= 0).all()


@pytest.mark.parametrize(("steps", "level"), [(1, 0), (2, 9), (3, 30)])
def test_randaugment_draws_each_operation_alike_at_one_level(steps: int, level: int) -> None:
    recipe = Recipe(policy="randaugment", policy_operations=steps, policy_magnitude=level)
    count = 14_000
    operations, magnitudes = policies.choose(numbers(recipe, count), recipe, 72)
    assert operations.shape == magnitudes.shape == (steps, count)
    scales = policies.magnitude_scales("randaugment", 72)
    for step in range(steps):
        drawn = Counter(names_of(operations[step]))
        assert set(drawn) == set(RANDOM_CHOICES)
        assert all(abs(times - 1000) < 160 for times in drawn.values())
        for name in drawn:
            mine = magnitudes[step][operations[step] == NAMES.index(name)]
            assert (mine.abs() == scales[name][level]).all()
            if name in SIGNED and level:
                assert 0.4 < (mine < 0).float().mean() < 0.6
    if steps > 1:
        assert (operations[0] == operations[1]).float().mean() == pytest.approx(1 / 14, rel=0.1)


def test_trivialaugment_draws_operation_and_level_alike() -> None:
    recipe = Recipe(policy="trivialaugment")
    operations, magnitudes = policies.choose(numbers(recipe, 43_400), recipe, 72)
    assert operations.shape == magnitudes.shape == (1, 43_400)
    drawn = Counter(names_of(operations[0]))
    assert set(drawn) == set(RANDOM_CHOICES)
    assert all(abs(times - 3100) < 280 for times in drawn.values())
    scales = policies.magnitude_scales("trivialaugment", 72)
    angles = magnitudes[0][operations[0] == NAMES.index("Rotate")]
    times = Counter(angles.abs().tolist())
    assert set(times) == set(scales["Rotate"].tolist())
    assert all(abs(number - 100) < 50 for number in times.values())
    assert 0.45 < (angles[angles != 0] < 0).float().mean() < 0.55


@pytest.mark.parametrize("policy", DRAWING)
def test_the_ends_of_the_draws_are_valid(policy: Policy) -> None:
    recipe = Recipe(policy=policy)
    ends = torch.tensor([[0.0], [1 - 2**-24]]).expand(2, policies.number_count(recipe))
    operations, magnitudes = policies.choose(ends, recipe, 64)
    assert operations.min() >= 0 and operations.max() < len(NAMES)
    assert magnitudes.isfinite().all()


def test_without_a_policy_nothing_is_drawn_and_nothing_changes(pictures: Tensor) -> None:
    recipe = Recipe()
    assert policies.number_count(recipe) == 0
    assert policies.apply(pictures, numbers(recipe, len(pictures)), recipe) is pictures


def torchvisions(picture: Tensor, name: str, magnitude: float) -> Tensor:
    """One picture after one operation of torchvision's newer transforms."""
    if name == "Solarize":  # whose magnitudes are shares of 255 there
        return v2.functional.solarize(picture, magnitude)
    transform = v2.AutoAugment()
    return transform._apply_image_or_video_transform(
        picture, name, magnitude, interpolation=transform.interpolation, fill=transform._fill
    )


@pytest.mark.parametrize("policy", DRAWING)
def test_pictures_go_through_torchvisions_operations_one_after_the_other(
    policy: Policy, pictures: Tensor
) -> None:
    recipe = Recipe(policy=policy)
    photos = pictures.repeat(24, 1, 1, 1)
    drawn = numbers(recipe, len(photos))
    expected = photos.clone()
    operations, magnitudes = policies.choose(drawn, recipe, 64)
    for step in range(len(operations)):
        pairs = zip(names_of(operations[step]), magnitudes[step].tolist(), strict=True)
        for row, (name, magnitude) in enumerate(pairs):
            expected[row] = torchvisions(expected[row], name, magnitude)
    made = policies.apply(photos.clone(), drawn, recipe)
    # On another processor a last digit, or a place between two pixels, may fall otherwise.
    assert (made != expected).float().mean() < 0.001
    assert (made != photos).flatten(1).any(1).float().mean() > 0.5


@pytest.mark.parametrize("policy", DRAWING)
def test_each_drawn_operation_runs_once_a_step(
    policy: Policy, pictures: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(policy=policy)
    photos = pictures.repeat(8, 1, 1, 1)
    drawn = numbers(recipe, len(photos))
    operations, _ = policies.choose(drawn, recipe, 64)
    calls = []
    for name, operation in policies.OPERATIONS.items():

        def counted(
            images: Tensor, magnitudes: Tensor, name: str = name, operation: Operation = operation
        ) -> Tensor:
            calls.append((name, len(images)))
            return operation(images, magnitudes)

        monkeypatch.setitem(policies.OPERATIONS, name, counted)
    policies.apply(photos, drawn, recipe)
    expected = [Counter(names_of(step)) for step in operations]
    assert sorted(calls) == sorted(
        pair for step in expected for pair in step.items() if pair[0] != "Identity"
    )


def test_two_equal_photos_of_one_batch_draw_different_operations(pictures: Tensor) -> None:
    recipe = Recipe(policy="trivialaugment", crop_area=(1, 1), crop_aspect=(1, 1), flip=0)
    table = augment.draws(recipe, 14, seed=0, step=0, device="cpu")
    made = augment.augment(pictures[:1].repeat(14, 1, 1, 1), table, recipe, 64)
    operations, _ = policies.choose(table[:, -3:], recipe, 64)
    assert len(set(operations[0].tolist())) > 5
    first, second = 0, int((operations[0] != operations[0, 0]).nonzero()[0])
    assert not torch.equal(made[first], made[second])
