"""`effnet_core.training.pixel_ops`: every operation beside torchvision's, picture by picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torchvision.transforms.v2.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from effnet_core.images import Preprocessing, decode, model_view, samples
from effnet_core.training import pixel_ops
from effnet_core.training.pixel_ops import OPERATIONS

COUNT = 8
SIDES = (64, 33, 3)

Reference = Callable[[Tensor, float], Tensor]


def sheared(x: float, y: float) -> Reference:
    def shear(picture: Tensor, m: float) -> Tensor:
        degrees = math.degrees(math.atan(m))
        return reference.affine(
            picture, 0.0, [0, 0], 1.0, [x * degrees, y * degrees], center=[0, 0]
        )

    return shear


def shifted(x: int, y: int) -> Reference:
    return lambda picture, m: reference.affine(
        picture, 0.0, [x * int(m), y * int(m)], 1.0, [0.0, 0.0]
    )


# Which way a place is looked up, in pixels from the picture's centre; `h` is half the side.
GEOMETRIC: dict[str, tuple[float, Reference, Callable[..., tuple[Tensor, Tensor]]]] = {
    "ShearX": (0.99, sheared(1, 0), lambda x, y, m, h: (x + m * (y + h), y + 0 * m)),
    "ShearY": (0.99, sheared(0, 1), lambda x, y, m, h: (x + 0 * m, y + m * (x + h))),
    "TranslateX": (32, shifted(1, 0), lambda x, y, m, h: (x - m.trunc(), y + 0 * m)),
    "TranslateY": (32, shifted(0, 1), lambda x, y, m, h: (x + 0 * m, y - m.trunc())),
    "Rotate": (
        135,
        reference.rotate,
        lambda x, y, m, h: (
            x * m.deg2rad().cos() - y * m.deg2rad().sin(),
            x * m.deg2rad().sin() + y * m.deg2rad().cos(),
        ),
    ),
}
EXACT: dict[str, tuple[tuple[float, float], Reference]] = {
    "Identity": ((0, 0), lambda picture, m: picture),
    "Brightness": ((-0.99, 0.99), lambda picture, m: reference.adjust_brightness(picture, 1 + m)),
    "Posterize": ((0, 8), lambda picture, m: reference.posterize(picture, round(m))),
    "Solarize": ((0, 255), reference.solarize),
    "AutoContrast": ((0, 0), lambda picture, m: reference.autocontrast(picture)),
    "Equalize": ((0, 0), lambda picture, m: reference.equalize(picture)),
    "Invert": ((0, 0), lambda picture, m: reference.invert(picture)),
}
BLENDS: dict[str, tuple[Reference, Callable[[Tensor], Tensor]]] = {
    "Color": (
        lambda picture, m: reference.adjust_saturation(picture, 1 + m),
        lambda pictures: reference.rgb_to_grayscale(pictures).double(),
    ),
    "Contrast": (
        lambda picture, m: reference.adjust_contrast(picture, 1 + m),
        lambda pictures: reference.rgb_to_grayscale(pictures).double().mean((1, 2, 3), True),
    ),
}


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """The sample pictures as photos of 64 × 64, uint8 (N, 3, 64, 64)."""
    view = Preprocessing(resize=64, crop=64)
    decoded = (decode(samples.load_sample(one.name)) for one in samples.sample_images())
    return torch.stack([reference.pil_to_tensor(model_view(image, view)) for image in decoded])


@pytest.fixture(scope="module", params=SIDES)
def examples(request: pytest.FixtureRequest, pictures: Tensor) -> Tensor:
    """COUNT pictures: real ones, noise, grey noise, one value, two values; uint8."""
    side = request.param
    random = torch.Generator().manual_seed(side)
    made = torch.randint(0, 256, (4, 3, side, side), dtype=torch.uint8, generator=random)
    made[1] = made[1, :1]
    made[2] = 77
    made[3] = made[3] % 2 * 30 + 100
    real = reference.resize(pictures[: COUNT - 4], [side, side])
    return torch.cat([real, made])


def each(low: float, high: float) -> st.SearchStrategy[Tensor]:
    """A magnitude for each picture."""
    level = st.integers(0, 30).map(lambda number: low + (high - low) * number / 30)
    one = st.floats(low, high) | level
    return st.lists(one, min_size=COUNT, max_size=COUNT).map(torch.tensor)


def expected_of(function: Reference, examples: Tensor, magnitudes: Tensor) -> Tensor:
    pairs = zip(examples, magnitudes.tolist(), strict=True)
    return torch.stack([function(picture, magnitude) for picture, magnitude in pairs])


def made_by(name: str, examples: Tensor, magnitudes: Tensor) -> Tensor:
    before = examples.clone()
    made = OPERATIONS[name](examples, magnitudes)
    assert made.dtype == torch.uint8 and made.shape == examples.shape
    assert torch.equal(examples, before)
    return made


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=25)
@given(data=st.data())
def test_the_same_bytes_as_torchvisions(name: str, examples: Tensor, data: st.DataObject) -> None:
    (low, high), function = EXACT[name]
    magnitudes = data.draw(each(low, high))
    if name == "Posterize":
        magnitudes = magnitudes.round()
    expected = expected_of(function, examples, magnitudes)
    assert torch.equal(made_by(name, examples, magnitudes), expected)


@pytest.mark.parametrize("name", BLENDS)
@settings(max_examples=25)
@given(magnitudes=each(-0.99, 0.99))
def test_blends_equal_torchvisions_but_for_rounding(
    name: str, examples: Tensor, magnitudes: Tensor
) -> None:
    function, base = BLENDS[name]
    m = magnitudes.double().view(-1, 1, 1, 1)
    exact = (1 + m) * examples - m * base(examples)
    check_blend(name, function, examples, magnitudes, exact)


@settings(max_examples=25)
@given(magnitudes=each(-0.99, 0.99))
def test_sharpness_equals_torchvisions_but_for_rounding(
    examples: Tensor, magnitudes: Tensor
) -> None:
    weights = torch.tensor([[1, 1, 1], [1, 5, 1], [1, 1, 1]]).double().expand(3, 1, 3, 3) / 13
    exact = examples.double()
    inner = exact[..., 1:-1, 1:-1]
    blurred = torch.nn.functional.conv2d(exact, weights, groups=3).round()
    inner += magnitudes.double().view(-1, 1, 1, 1) * (inner - blurred)
    check_blend(
        "Sharpness",
        lambda picture, m: reference.adjust_sharpness(picture, 1 + m),
        examples,
        magnitudes,
        exact,
    )


def check_blend(
    name: str, function: Reference, examples: Tensor, magnitudes: Tensor, exact: Tensor
) -> None:
    """Equal, or one level apart where the exact value is whole but for float32's last digits."""
    made = made_by(name, examples, magnitudes).int()
    difference = (made - expected_of(function, examples, magnitudes).int()).abs()
    assert difference.max() <= 1
    doubtful = (exact - exact.round()).abs() < 1e-3
    assert not (difference > 0)[~doubtful].any()
    assert (made - exact.clamp(0, 255)).abs().max() < 1.001


@pytest.mark.parametrize("name", GEOMETRIC)
@settings(max_examples=25)
@given(data=st.data())
def test_moved_pixels_are_torchvisions_but_for_places_between_two(
    name: str, examples: Tensor, data: st.DataObject
) -> None:
    largest, function, source = GEOMETRIC[name]
    magnitudes = data.draw(each(-largest, largest))
    expected = expected_of(function, examples, magnitudes)
    different = (made_by(name, examples, magnitudes) != expected).any(1)
    half = examples.shape[-1] / 2
    line = torch.arange(examples.shape[-1]).double() + 0.5 - half
    m = magnitudes.double().view(-1, 1, 1)
    places = torch.stack(torch.broadcast_tensors(*source(line, line.unsqueeze(1), m, half))) + half
    between = ((places - places.round()).abs() < 1e-3).any(0)  # on the edge of two pixels
    assert not different[~between].any()


def test_geometric_operations_leave_black_and_move_as_they_say(pictures: Tensor) -> None:
    two = torch.tensor([2.0])
    moved = pixel_ops.translate_x(pictures[:1], two)
    assert (moved[..., :2] == 0).all() and torch.equal(moved[..., 2:], pictures[:1, ..., :-2])
    moved = pixel_ops.translate_y(pictures[:1], -two)
    assert (moved[..., -2:, :] == 0).all()
    assert torch.equal(moved[..., :-2, :], pictures[:1, ..., 2:, :])
    turned = pixel_ops.rotate(pictures[:1], torch.tensor([90.0]))
    assert torch.equal(turned, torch.rot90(pictures[:1], 1, (2, 3)))
    sheared_down = pixel_ops.shear_x(torch.full((1, 3, 64, 64), 9, dtype=torch.uint8), two / 4)
    assert (sheared_down == 0).any(1).sum(-1)[0].diff().min() >= 0  # further down, further left


def test_pictures_of_a_batch_do_not_see_each_other(examples: Tensor) -> None:
    magnitudes = torch.linspace(0.05, 0.95, COUNT)
    for name, operation in OPERATIONS.items():
        whole = operation(examples, magnitudes)
        for row in range(COUNT):
            alone = operation(examples[row : row + 1], magnitudes[row : row + 1])
            assert torch.equal(alone[0], whole[row]), name


def test_every_operation_is_compared() -> None:
    assert set(OPERATIONS) == {*GEOMETRIC, *EXACT, *BLENDS, "Sharpness"}
