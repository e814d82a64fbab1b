"""The verdict on one map, from four tests and a yardstick; the face tells the rule."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from effnet_core.attribution.likeness import rank_correlation
from effnet_core.attribution.metrics import Curve, enlarged
from effnet_core.attribution.result import WEAK_FRACTION
from effnet_core.attribution.trust.randomisation import cascade
from effnet_core.attribution.trust.rivals import contest
from effnet_core.attribution.trust.road import road
from effnet_core.attribution.trust.subject import Subject, subject_of
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.attribution.parameters import Value
    from effnet_core.attribution.result import Attribution
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.predictor import Predictor

UNCHANGED = 0.9
"""A rank correlation from which on two maps count as one."""
SAME = 0.95
"""A rank correlation that a map made again from the same picture must reach.

Engines and number formats rank close values differently; the maps of two different photos reached
0.89 at most (Lite0, 80 pairs).
"""

Test = Literal["picture", "weights", "rivals", "road", "range"]
Outcome = Literal["for", "weak", "against"]
Maps = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one test found: for the map, too weak to say so, or against it.

    `sentence` begins with "it", the map. `figures` are what it was decided by, all measured, and
    `curves` what some of them are areas or means of: the class's probability against the part of
    the picture that is exchanged or removed.
    """

    test: Test
    outcome: Outcome
    sentence: str
    figures: tuple[tuple[str, float], ...]
    curves: tuple[tuple[str, Curve], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whether a map can be trusted: a sentence, and the evidence in the order of its weight.

    `outcome` is the worst of the evidence. `milliseconds` is the time of all tests together.
    """

    outcome: Outcome
    verdict: str
    evidence: tuple[Evidence, ...]
    milliseconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the figures and curves of each test by their names."""
        found = dataclasses.asdict(self)
        for each in found["evidence"]:
            each |= {name: dict(each[name]) for name in ("figures", "curves")}
        return found


def trust(values: npt.NDArray[np.float32], subject: Subject) -> Trust:
    """Test a map (h, w), signed, by whatever method it was made; see the package for the rule.

    Raises InvalidInput for what is no finite map, and what the subject's calls raise.
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise InvalidInput(
            f"A map has finite values in rows and columns; got an array of shape {values.shape}."
        )
    start = time.perf_counter()
    evidence = tuple(test(values, subject) for test in TESTS)
    outcome = _worst(evidence)
    return Trust(
        outcome=outcome,
        verdict=_verdict(outcome, evidence),
        evidence=evidence,
        milliseconds=1000 * (time.perf_counter() - start),
    )


def trust_of(
    predictor: Predictor,
    prediction: Prediction,
    attribution: Attribution,
    parameters: tuple[tuple[str, Value], ...] = (),
) -> Trust:
    """`trust` of a predictor's map of a picture that it has classified."""
    return trust(attribution.raw, subject_of(predictor, prediction, attribution, parameters))


def _worst(evidence: tuple[Evidence, ...]) -> Outcome:
    order: tuple[Outcome, ...] = ("for", "weak", "against")
    return max((each.outcome for each in evidence), key=order.index)


def _verdict(outcome: Outcome, evidence: tuple[Evidence, ...]) -> str:
    begin = {
        "for": "This map holds in every test",
        "weak": "Weak evidence",
        "against": "Do not trust this map",
    }[outcome]
    deciding = (each.sentence for each in evidence if each.outcome == outcome)
    return f"{begin}: {'; '.join(deciding)}."


def _picture(values: Maps, subject: Subject) -> Evidence:
    """Does the map come from this picture, and does it go along when the picture's parts move?"""
    height, width = subject.picture.shape[1:]
    half = (height // 2, width // 2)
    moved = np.roll(subject.picture, half, axis=(1, 2))
    same, after = subject.remade(subject.tensors, np.stack([subject.picture, moved]))
    again = rank_correlation(same, values)
    shown, found = (enlarged(each, (height, width)) for each in (values, after))
    along = rank_correlation(found, np.roll(shown, half, axis=(0, 1)))
    stayed = rank_correlation(found, shown)
    outcome: Outcome = "for"
    sentence = (
        f"it follows the picture (halves exchanged across and down, its rank correlation with the "
        f"map that moved along is {along:.2f} and with the map that stayed {stayed:.2f})"
    )
    if again < SAME:
        outcome = "against"
        sentence = (
            f"it is not what the method makes of this picture (rank correlation {again:.2f} with "
            "the map made again)"
        )
    elif stayed >= UNCHANGED:
        outcome = "against"
        sentence = (
            f"it does not depend on the picture: it stays when the picture's halves are exchanged "
            f"(rank correlation {stayed:.2f})"
        )
    figures = (("made again", again), ("moved along", along), ("stayed", stayed))
    return Evidence(test="picture", outcome=outcome, sentence=sentence, figures=figures)


def _weights(values: Maps, subject: Subject) -> Evidence:
    """Does the map change when layers are drawn anew?"""
    figures = tuple(
        (title, rank_correlation(subject.remade(tensors, subject.picture[None])[0], values))
        for title, tensors in cascade(subject.spec, subject.tensors, subject.picture)
    )
    least, most = min(figures, key=_second), max(figures, key=_second)
    if least[1] >= UNCHANGED:
        sentence = (
            "it does not depend on the weights: with every layer drawn anew its rank correlation "
            f"never falls below {least[1]:.2f}"
        )
        return Evidence(test="weights", outcome="against", sentence=sentence, figures=figures)
    sentence = (
        f"it changes with the weights (rank correlation {figures[-1][1]:.2f} when every layer is "
        f"drawn anew, at most {most[1]:.2f} on the way)"
    )
    return Evidence(test="weights", outcome="for", sentence=sentence, figures=figures)


def _second(figure: tuple[str, float]) -> float:
    return figure[1]


def _rivals(values: Maps, subject: Subject) -> Evidence:
    """Do its pixels decide more than those of maps that know nothing?"""
    found = contest(values, subject.picture, subject.probability)
    count = len(found.random)
    ahead = found.own.gap > found.gaussian.gap
    sentence = (
        f"its insertion less deletion, {found.own.gap:.2f}, is above that of {found.beaten} of "
        f"{count} random maps and {'above' if ahead else 'not above'} that of a blob in the "
        f"picture's middle, {found.gaussian.gap:.2f}"
    )
    figures = (
        ("insertion", found.own.insertion),
        ("deletion", found.own.deletion),
        ("gap", found.own.gap),
        ("mean gap of random maps", float(np.mean([rival.gap for rival in found.random]))),
        ("largest gap of random maps", max(rival.gap for rival in found.random)),
        ("gap of the centre Gaussian", found.gaussian.gap),
        ("random maps beaten", float(found.beaten)),
        ("random maps", float(count)),
    )
    outcome: Outcome = "for" if ahead and found.beaten == count else "weak"
    curves = (
        ("insertion", found.own.inserted),
        ("insertion, random maps", _mean([rival.inserted for rival in found.random])),
        ("insertion, centre Gaussian", found.gaussian.inserted),
        ("deletion", found.own.deleted),
        ("deletion, random maps", _mean([rival.deleted for rival in found.random])),
        ("deletion, centre Gaussian", found.gaussian.deleted),
    )
    return Evidence(
        test="rivals", outcome=outcome, sentence=sentence, figures=figures, curves=curves
    )


def _mean(curves: Sequence[Curve]) -> Curve:
    """The mean of curves over the same parts."""
    confidences = np.mean([curve.confidences for curve in curves], axis=0).tolist()
    return Curve(curves[0].fractions, tuple(confidences))


def _road(values: Maps, subject: Subject) -> Evidence:
    """Does the class lose more with the map's strongest pixels than with its weakest?"""
    found = road(values, subject.picture, subject.probability)
    strongest, weakest = (
        float(np.mean(side)) for side in (found.strongest_removed, found.weakest_removed)
    )
    sentence = (
        f"the class keeps a probability of {strongest:.2f} without its strongest pixels and of "
        f"{weakest:.2f} without its weakest (ROAD)"
    )
    named = {"strongest": found.strongest_removed, "weakest": found.weakest_removed}
    figures = tuple(
        (f"{part:.0%} {side} removed", probability)
        for side, probabilities in named.items()
        for part, probability in zip(found.parts, probabilities, strict=True)
    )
    return Evidence(
        test="road",
        outcome="for" if found.score > 0 else "weak",
        sentence=sentence,
        figures=(("score", found.score), *figures),
        curves=tuple(
            (f"{side} pixels removed", Curve(found.parts, probabilities))
            for side, probabilities in named.items()
        ),
    )


def _range(values: Maps, subject: Subject) -> Evidence:
    """Is the map larger than what random weights give as well?"""
    own, reference = float(np.ptp(values)), subject.random_range()
    sentence = f"its range is {own:.3g}, where random weights give {reference:.3g}"
    outcome: Outcome = "weak" if own < WEAK_FRACTION * reference else "for"
    figures = (("range", own), ("range by random weights", reference))
    return Evidence(test="range", outcome=outcome, sentence=sentence, figures=figures)


TESTS = _picture, _weights, _rivals, _road, _range
"""A map and its subject → the evidence, in the order of its weight."""
