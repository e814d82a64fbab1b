"""The verdict: planted fakes on a toy that is known through and through, and its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.attribution.controls import centre_gaussian, random_map
from effnet_core.attribution.metrics import Curve, blurred, curve, exchanged
from effnet_core.attribution.pixels import baseline
from effnet_core.attribution.trust import Evidence, Subject, Trust, trust
from effnet_core.attribution.trust.rivals import STEPS, contest
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.errors import InvalidInput

Maps = npt.NDArray[np.floating]
Pictures = npt.NDArray[np.float32]

SIZE = 64
SPEC = scaled(-6, num_classes=2, resolution=SIZE)
TENSORS = random_tensors(SPEC, 3)
THING = np.s_[:, 8:24, 34:50]


def picture() -> Pictures:
    """Noise with a bright square that is not in the middle."""
    found = 0.1 * np.random.default_rng(0).standard_normal((3, SIZE, SIZE)).astype(np.float32)
    found[THING] += 2
    return found


def probability(pictures: Pictures) -> npt.NDArray[np.float64]:
    """A network that answers by how much there is of the bright square, wherever it lies."""
    bright = pictures.clip(min=0).mean(axis=(1, 2, 3), dtype=np.float64)
    return 1 / (1 + np.exp(-60 * (bright - 0.08)))


def right(tensors: Tensors, pictures: Pictures) -> Maps:
    """A method that is right: what counts, pixel by pixel, by the sign of a weight it is given."""
    signs = np.sign(tensors["classifier.weight"][0, :3])
    found: Maps = np.einsum("nchw,c->nhw", pictures, signs * np.sign(TENSORS_SIGNS))
    return found


TENSORS_SIGNS = TENSORS["classifier.weight"][0, :3]


def fixed(values: Maps) -> Callable[[Tensors, Pictures], Maps]:
    """A method that gives these values whatever it is asked."""
    return lambda tensors, pictures: np.stack([values] * len(pictures))


def subject(remade: Callable[[Tensors, Pictures], Maps], random_range: float = 1.0) -> Subject:
    return Subject(
        spec=SPEC,
        tensors=TENSORS,
        picture=picture(),
        probability=probability,
        remade=remade,
        random_range=lambda: random_range,
    )


def outcomes(found: Trust) -> dict[str, str]:
    return {each.test: each.outcome for each in found.evidence}


def figures(found: Trust, test: str) -> dict[str, float]:
    (evidence,) = (each for each in found.evidence if each.test == test)
    return dict(evidence.figures)


def true_map() -> npt.NDArray[np.float32]:
    return right(TENSORS, picture()[None])[0].astype(np.float32)


def test_a_right_map_holds_in_every_test() -> None:
    found = trust(true_map(), subject(right))
    assert set(outcomes(found).values()) == {"for"}
    assert found.verdict.startswith("This map holds in every test: it follows the picture")
    assert found.milliseconds > 0
    assert figures(found, "picture")["made again"] == pytest.approx(1)
    assert figures(found, "picture")["moved along"] == pytest.approx(1, abs=1e-6)
    assert figures(found, "rivals")["random maps beaten"] == 10
    assert figures(found, "road")["score"] > 0


def test_a_map_that_ignores_the_picture_is_called_out() -> None:
    values = true_map()
    found = trust(values, subject(fixed(values)))
    assert (outcomes(found)["picture"], outcomes(found)["weights"]) == ("against", "against")
    assert found.verdict.startswith(
        "Do not trust this map: it does not depend on the picture: it stays when"
    )
    assert list(figures(found, "weights").values()) == pytest.approx([1] * 6)


def test_a_map_that_ignores_the_weights_alone_is_called_out() -> None:
    """An edge detector follows the picture; every network gives the same map."""
    found = trust(true_map(), subject(lambda _, pictures: right(TENSORS, pictures)))
    assert outcomes(found) == {
        "picture": "for",
        "weights": "against",
        "rivals": "for",
        "road": "for",
        "range": "for",
    }
    assert found.verdict == (
        "Do not trust this map: it does not depend on the weights: with every layer drawn anew its "
        "rank correlation never falls below 1.00."
    )


def test_a_map_of_something_else_is_called_out() -> None:
    found = trust(random_map((SIZE, SIZE), np.random.default_rng(5)), subject(right))
    assert outcomes(found)["picture"] == "against"
    assert "it is not what the method makes of this picture" in found.verdict


def test_a_map_that_points_away_is_weak_evidence() -> None:
    found = trust(-true_map(), subject(lambda *given: -right(*given)))
    assert outcomes(found)["rivals"] == outcomes(found)["road"] == "weak"
    assert found.verdict.startswith("Weak evidence: its insertion less deletion, 0.02, is")
    assert "above that of 0 of 10 random maps" in found.verdict


def test_a_small_range_is_weak_evidence() -> None:
    values = true_map()
    span = float(np.ptp(values))
    assert outcomes(trust(values, subject(right, 19 * span)))["range"] == "for"
    found = trust(values, subject(right, 21 * span))
    assert found.verdict == (
        f"Weak evidence: its range is {span:.3g}, where random weights give {21 * span:.3g}."
    )


def test_curves_are_those_that_the_figures_are_areas_and_means_of() -> None:
    found = trust(true_map(), subject(right))
    curves = {each.test: dict(each.curves) for each in found.evidence}
    areas = {name: curve.area for name, curve in curves["rivals"].items()}
    rivals, road = figures(found, "rivals"), figures(found, "road")
    assert areas["insertion"] == rivals["insertion"] > areas["insertion, random maps"]
    assert areas["deletion"] == rivals["deletion"] < areas["deletion, random maps"]
    gap = areas["insertion, random maps"] - areas["deletion, random maps"]
    assert gap == pytest.approx(rivals["mean gap of random maps"])
    gap = areas["insertion, centre Gaussian"] - areas["deletion, centre Gaussian"]
    assert gap == pytest.approx(rivals["gap of the centre Gaussian"])
    for side in ("strongest", "weakest"):
        removed = curves["road"][f"{side} pixels removed"]
        assert removed.confidences == tuple(
            road[f"{part:.0%} {side} removed"] for part in removed.fractions
        )


def test_areas_are_those_of_the_curves_one_by_one() -> None:
    """By torchvision's blur, picture by picture, and with the rivals in their order."""
    shown, values = picture(), true_map()
    soft = baseline(torch.from_numpy(shown)[None], "blur", torch.empty(0))[0].numpy()
    np.testing.assert_allclose(blurred(shown), soft, atol=1e-5)

    def area(rival: Maps, start: Pictures, end: Pictures) -> float:
        pictures = [start, *exchanged(rival, start, end, STEPS), end]
        answers = [float(probability(each[None])[0]) for each in pictures]
        return curve(answers, (SIZE, SIZE)).area

    found = contest(values, shown, probability)
    generator = np.random.default_rng(0)
    rivals = [values, *(random_map((SIZE, SIZE), generator) for _ in range(10))]
    rivals.append(centre_gaussian((SIZE, SIZE)))
    grey = np.zeros_like(shown)
    for rival, areas in zip(rivals, (found.own, *found.random, found.gaussian), strict=True):
        assert areas.insertion == pytest.approx(area(rival, soft, shown), abs=1e-3)
        assert areas.deletion == pytest.approx(area(rival, shown, grey), abs=1e-3)
        assert areas.gap == areas.insertion - areas.deletion


def test_plain_values_survive_json() -> None:
    found = trust(true_map(), subject(right))
    again = json.loads(json.dumps(found.to_dict()))
    assert again["verdict"] == found.verdict
    assert [
        Evidence(
            **each
            | {
                "figures": tuple(each["figures"].items()),
                "curves": tuple(
                    (name, Curve(tuple(curve["fractions"]), tuple(curve["confidences"])))
                    for name, curve in each["curves"].items()
                ),
            }
        )
        for each in again["evidence"]
    ] == list(found.evidence)


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(InvalidInput, match="finite values in rows and columns"):
        trust(np.full((3, 3), np.nan, dtype=np.float32), subject(right))
    with pytest.raises(InvalidInput, match="shape \\(3,\\)"):
        trust(np.zeros(3, dtype=np.float32), replace(subject(right)))
