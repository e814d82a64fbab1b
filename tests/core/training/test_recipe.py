"""A recipe is data: it round-trips, and whatever is wrong with one is said in a sentence."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.errors import InvalidInput
from effnet_core.training.recipe import CHOICES, Recipe

FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False) | st.integers(math.ceil(low), math.floor(high))


def pairs(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    both = st.tuples(st.floats(low, high), st.floats(low, high))
    return both.map(lambda two: (min(two), max(two)))


STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.sampled_from(words) for name, words in CHOICES.items()},
    "learning_rate": numbers(1e-9, 1e3),
    "momentum": numbers(0, 0.9999),
    "weight_decay": numbers(0, 1),
    "decay_factor": numbers(0.01, 1),
    "crop_area": pairs(0.01, 1),
    "crop_aspect": pairs(0.1, 10),
    "mixup": numbers(0, 100),
    "drop_path": st.none() | numbers(0, 0.9),
    "dropout": st.none() | numbers(0, 0.9),
    "ema_decay": numbers(0, 0.999),
    "clip_norm": numbers(0, 1e6),
    "frozen_stages": st.integers(0, 100),
    "compiled": st.booleans(),
    "held_out": st.integers(0, 10**9),
    "seed": st.integers(0, 2**63 - 1),
}


@given(st.fixed_dictionaries({}, optional=STRATEGIES), st.integers(1, 50), st.integers(2, 50))
def test_json_round_trip(fields: dict[str, Any], parts: int, part: int) -> None:
    recipe = Recipe(**fields, batch=parts * part, micro_batches=parts)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert set(recipe.to_dict()) == set(FIELDS)
    assert recipe.micro_batch == part


def test_fields_left_out_have_their_defaults() -> None:
    assert Recipe.from_json("{}") == Recipe()
    assert Recipe.from_json('{"crop_area": [0.2, 1]}').crop_area == (0.2, 1)


WRONG: dict[str, list[Any]] = {
    "int": [1.5, "3", True, None, [1], -1, 10**400],
    "float": ["0.1", True, None, [1.0], -0.5, math.nan, math.inf, 10**400],
    "float | None": ["0.1", True, [1.0], -0.5, math.nan, 10**400],
    "bool": [1, "true", None],
    "tuple[float, float]": [1, (1,), (1, 1, 1), ("a", "b"), (0.9, 0.1), (-1, 1), None, "ab"],
}
CASES = [
    (name, value)
    for name, field in FIELDS.items()
    for value in (["", "Adam", 3, None, ["sgd"]] if name in CHOICES else WRONG[str(field.type)])
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_every_bad_field_is_named_in_a_sentence(name: str, value: Any) -> None:
    for make in (lambda: Recipe(**{name: value}), lambda: Recipe.from_dict({name: value})):
        with pytest.raises(InvalidInput) as caught:
            make()
        assert str(caught.value).startswith(f"{name} ")
        assert str(caught.value).endswith(".")
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"batch": 64, "micro_batches": 3}, "A batch of 64 cannot be cut into 3 equal parts."),
        ({"batch": 4, "micro_batches": 4}, "leaves fewer than the two photos at once"),
        ({"batch": 1}, "leaves fewer than the two photos at once"),
        ({"epochs": 2, "warmup_epochs": 2}, "A warm-up of 2 epochs leaves nothing of 2."),
        ({"colour": 1}, "A recipe has no field called 'colour'."),
        (
            {"optimiser": "sgd"},
            "field called 'optimiser'; perhaps optimizer is meant.",
        ),
    ],
)
def test_fields_that_do_not_go_together(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Recipe.from_dict(fields)
    assert sentence in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON) | JSON)
def test_any_json_is_a_recipe_or_a_sentence(value: Any) -> None:
    try:
        assert isinstance(Recipe.from_json(json.dumps(value)), Recipe)
    except InvalidInput as error:
        assert str(error)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "3", '{"epochs": NaN}'])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Recipe.from_json(text)
