"""Logits to probabilities, as torch has them, and never the softmax of one logit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from effnet_core.architecture.outputs import (
    in_words,
    may_name,
    probabilities,
    require_activation,
    row_names,
)
from effnet_core.errors import InvalidInput

logits = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(2, 6)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@given(logits)
def test_as_torch_has_them(values: np.ndarray) -> None:
    exact = torch.from_numpy(values).double()
    np.testing.assert_allclose(probabilities(values, "softmax"), exact.softmax(1), rtol=1e-12)
    np.testing.assert_allclose(
        probabilities(values, "sigmoid"), exact.sigmoid(), rtol=1e-12, atol=1e-300
    )


@given(st.floats(-700, 700))
def test_a_logit_and_its_negative_are_each_others_complement(value: float) -> None:
    one, other = probabilities(np.array([value, -value]), "sigmoid")
    assert one + other == pytest.approx(1, abs=1e-15)
    assert (one > other) == (value > -value) or abs(value) < 1e-15


def test_one_logit_has_no_softmax() -> None:
    with pytest.raises(InvalidInput, match="one logit takes a sigmoid"):
        probabilities(np.array([[3.0], [4.0]]), "softmax")
    assert probabilities(np.array([[0.0]]), "sigmoid").tolist() == [[0.5]]
    with pytest.raises(InvalidInput, match="must be softmax or sigmoid; got 'tanh'"):
        require_activation("tanh", 3)


def test_one_logit_answers_with_two_rows() -> None:
    assert row_names(("cat",), 1) == ("cat", "not cat")
    assert row_names(("cat", "dog"), 1) == ("cat", "dog")
    assert row_names(("cat", "dog"), 2) == ("cat", "dog")
    assert [may_name(names, 1) for names in (0, 1, 2, 3)] == [False, True, True, False]
    assert [may_name(names, 2) for names in (1, 2, 3)] == [False, True, False]


def test_only_softmax_goes_without_saying() -> None:
    assert in_words("softmax") == ""
    assert "several may be above 50 %" in in_words("sigmoid")
    assert "add up to 100 %" in in_words("sigmoid", one_logit=True)
