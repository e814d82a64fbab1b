"""Options that make a training recipe: a file, single fields, and the fields most often set."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_RECIPE_BYTES
from effnet_core.training.presets import FINE_TUNING
from effnet_core.training.recipe import CHOICES, Recipe

MAIN_FIELDS: dict[str, str] = {
    "epochs": "how often every photo is shown",
    "batch": "photos between two steps, over all devices",
    "micro_batches": "equal parts that a batch is cut into [as many as processes]",
    "optimizer": "",
    "learning_rate": "at its peak, for the whole batch",
    "weight_decay": "of weights; batch-norm and biases have none",
    "policy": "augmentation besides crop and flip",
    "precision": "bfloat16 is for CUDA",
    "held_out": "training photos kept for measuring [a tenth, at most 5,000]",
    "frozen_stages": "stages that stay as they are, the stem counting as one",
    "body_rate": "of the learning rate, for all but the classifier",
    "seed": "of the weights, the order, and all that is drawn",
}
"""Fields of the recipe that are options of their own, with their help."""


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add `--recipe`, `--set` and an option for each of MAIN_FIELDS."""
    group = parser.add_argument_group("recipe", _of_fine_tuning())
    group.add_argument(
        "--recipe", metavar="FILE", help="JSON object of a recipe's fields; others keep defaults"
    )
    group.add_argument(
        "--set",
        action="append",
        metavar="FIELD=VALUE",
        help="any field, the value as in JSON; may be given several times: --set crop_area=0.2,1",
    )
    for name, what in MAIN_FIELDS.items():
        default = _default(name)
        said = what if "[" in what else f"{what} [{default}]".strip()
        group.add_argument(
            f"--{name.replace('_', '-')}",
            choices=CHOICES.get(name),
            type=str if name in CHOICES else type(default),
            metavar=None if name in CHOICES else "X" if isinstance(default, float) else "N",
            help=said,
        )


def _of_fine_tuning() -> str:
    """Where a fine-tuning's fields begin that are not where the others do."""
    begun = {name: getattr(FINE_TUNING, name) for name in MAIN_FIELDS}
    departs = (f"{name} {value}" for name, value in begun.items() if value != _default(name))
    return f"with --from, the defaults are {', '.join(departs).replace('_', ' ')}"


def _default(name: str) -> Any:
    return getattr(Recipe(), name)


def recipe_fields(args: argparse.Namespace) -> dict[str, Any]:
    """What the options say of the recipe, the more special the stronger; raises InvalidInput.

    Whether they make a recipe, `Recipe.from_dict` finds out.
    """
    fields = {} if args.recipe is None else _read(Path(args.recipe))
    fields.update(_setting(text) for text in args.set or ())
    for name in MAIN_FIELDS:
        if getattr(args, name) is not None:
            fields[name] = getattr(args, name)
    return fields


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            values = json.loads(file.read(MAX_RECIPE_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The recipe {path} cannot be read: {error}.") from None
    if not isinstance(values, dict):
        raise InvalidInput(f"The recipe {path} is not a JSON object of a recipe's fields.")
    return values


def _setting(text: str) -> tuple[str, Any]:
    """(field, value) of "field=value"; what is not JSON is a word, or numbers with commas."""
    name, sign, value = text.partition("=")
    if not (sign and name):
        raise InvalidInput(f"--set takes FIELD=VALUE, such as --set dropout=0.3; got {text!r:.60}.")
    for attempt in (value, f"[{value}]"):
        try:
            return name.strip().replace("-", "_"), json.loads(attempt)
        except (ValueError, RecursionError):
            continue
    return name.strip().replace("-", "_"), value
