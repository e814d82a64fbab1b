"""Answers compared to the bit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from effnet_core.service import Explanation

TIMES = ("milliseconds", "median_ms", "low_ms", "high_ms")


def require_same(one: Any, other: Any, at: str = "answer") -> None:
    """Assert that two answers are equal in type and value; times alone may differ."""
    assert type(one) is type(other), at
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), at
        assert one.tobytes() == other.tobytes(), at
        assert not other.flags.writeable, at
    elif isinstance(one, tuple):
        assert len(one) == len(other), at
        for place, pair in enumerate(zip(one, other, strict=True)):
            require_same(*pair, f"{at}[{place}]")
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name not in (*TIMES, "reference"):
                pair = getattr(one, field.name), getattr(other, field.name)
                require_same(*pair, f"{at}.{field.name}")
    else:
        assert one == other or (one != one and other != other), at
    if isinstance(one, Explanation):
        assert one.attribution.reference_range == other.attribution.reference_range
