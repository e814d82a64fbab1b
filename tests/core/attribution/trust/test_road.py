"""ROAD: by hand, by a dense system, and beside pytorch-grad-cam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from effnet_core.attribution.trust.road import PARTS, imputed, road
from effnet_core.images import Preprocessing, decode, model_view, to_input

Pictures = npt.NDArray[np.float32]
SIZE = 48


@pytest.fixture(params=["noise", "photo"])
def picture(request: pytest.FixtureRequest) -> Pictures:
    if request.param == "noise":
        return np.random.default_rng(0).standard_normal((3, SIZE, SIZE), dtype=np.float32)
    photos: tuple[Path, ...] = request.getfixturevalue("photos")
    steps = Preprocessing.imagenet(SIZE)
    return to_input(model_view(decode(photos[11].read_bytes()), steps), steps)


def brightness(pictures: Pictures) -> npt.NDArray[np.float64]:
    """A network without layers that looks at the upper half: a probability from its mean."""
    upper = pictures[:, :, : SIZE // 2].mean(axis=(1, 2, 3), dtype=np.float64)
    return 1 / (1 + np.exp(-3 * upper))


def test_one_missing_pixel_is_the_mean_of_its_neighbours() -> None:
    picture = np.arange(9, dtype=np.float32).reshape(1, 3, 3) ** 2
    kept = np.ones((3, 3), dtype=np.bool_)
    kept[1, 1] = False
    beside, across = (1 + 9 + 25 + 49) / 6, (0 + 4 + 36 + 64) / 12
    assert imputed(picture, kept, noise=0)[0, 1, 1] == pytest.approx(beside + across)


def test_a_corner_has_three_neighbours() -> None:
    picture = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    kept = np.ones((3, 3), dtype=np.bool_)
    kept[0, 0] = False
    expected = (1 / 6 + 3 / 6 + 4 / 12) / (2 / 6 + 1 / 12)
    assert imputed(picture, kept, noise=0)[0, 0, 0] == pytest.approx(expected)


def test_a_slope_is_filled_in_without_a_trace() -> None:
    rows, columns = np.mgrid[:12, :12]
    slope = (rows + 2 * columns)[None].astype(np.float32)
    kept = np.ones((12, 12), dtype=np.bool_)
    kept[4:8, 3:9] = False
    np.testing.assert_allclose(imputed(slope, kept, noise=0), slope, atol=1e-4)


def test_all_and_nothing_missing(picture: Pictures) -> None:
    size = picture.shape[1:]
    assert imputed(picture, np.ones(size, dtype=np.bool_)) is picture
    assert not imputed(picture, np.zeros(size, dtype=np.bool_)).any()


def test_noise_is_on_what_is_filled_in_alone_and_always_the_same(picture: Pictures) -> None:
    kept = np.random.default_rng(1).random(picture.shape[1:]) < 0.6
    clean, noisy = imputed(picture, kept, noise=0), imputed(picture, kept, noise=0.5)
    np.testing.assert_array_equal(noisy, imputed(picture, kept, noise=0.5))
    np.testing.assert_array_equal(noisy[:, kept], picture[:, kept])
    assert (noisy - clean)[:, ~kept].std() == pytest.approx(0.5, rel=0.1)


def test_imputing_is_that_of_pytorch_grad_cam(picture: Pictures) -> None:
    peer = pytest.importorskip("pytorch_grad_cam.metrics.road", reason="grad-cam: extra 'bench'")
    kept = np.random.default_rng(1).random(picture.shape[1:]) < 0.5
    theirs = peer.NoisyLinearImputer(noise=0)(
        torch.from_numpy(picture), torch.from_numpy(np.float32(kept))
    )
    np.testing.assert_allclose(imputed(picture, kept, noise=0), theirs.numpy(), atol=1e-3)


def test_scores_are_those_of_pytorch_grad_cam(picture: Pictures) -> None:
    """Their least relevant first ranks 1 − map; parts removed are 100 less their percentile."""
    peer = pytest.importorskip("pytorch_grad_cam.metrics.road", reason="grad-cam: extra 'bench'")
    values = np.random.default_rng(3).random(picture.shape[1:], dtype=np.float32)
    values[: SIZE // 2] += 0.5
    percentiles = [round(100 * (1 - part)) for part in PARTS]

    def theirs(kind: str) -> list[float]:
        averager = getattr(peer, f"ROAD{kind}RelevantFirst")
        return [
            averager(percentile)(
                torch.from_numpy(picture)[None],
                values[None],
                [lambda probability: probability],
                lambda pictures: torch.from_numpy(brightness(pictures.numpy())),
                return_diff=False,
            )[0]
            for percentile in percentiles
        ]

    found = road(values, picture, brightness)
    assert found.strongest_removed == pytest.approx(theirs("Most"), abs=1e-3)
    assert found.weakest_removed == pytest.approx(theirs("Least"), abs=1e-3)
    half = (np.mean(theirs("Least")) - np.mean(theirs("Most"))) / 2
    assert found.score == pytest.approx(half, abs=1e-3)
