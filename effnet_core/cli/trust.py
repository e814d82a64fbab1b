"""`effnet explain --trust`: can this map be trusted?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from effnet_core.cli.common import working

if TYPE_CHECKING:
    from effnet_core.attribution import Attribution, Value
    from effnet_core.attribution.trust import Trust
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.predictor import Predictor

_MARKS = {"for": "+", "weak": "?", "against": "−"}


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add `--trust`."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="test whether the map can be trusted, on the CPU; --out may then be left out",
    )


def judged(
    model: Predictor,
    prediction: Prediction,
    attribution: Attribution,
    parameters: tuple[tuple[str, Value], ...],
) -> Trust:
    """The verdict on one map of a prediction; raises EffnetError."""
    from effnet_core.attribution.trust import trust_of

    with working("Testing the map"):
        return trust_of(model, prediction, attribution, parameters)


def print_trust(found: dict[str, Any]) -> None:
    """Print the verdict, and each test's finding under it."""
    print(f"{found['verdict']}\nTested in {found['milliseconds']:.0f} ms, measured:")
    for each in found["evidence"]:
        print(f"  {_MARKS[each['outcome']]} {each['test']}: {each['sentence']}.")
