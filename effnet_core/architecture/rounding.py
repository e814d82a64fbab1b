"""How scaled channels, repeats and pixels become whole. This module needs no torch.

Every function takes a number, or an array (n,) of numbers by the same arithmetic: what one network
rounds to is what the same network among many rounds to.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np

from effnet_core.errors import InvalidInput

Rounding = Literal["ceil", "nearest"]
ROUNDINGS: tuple[Rounding, ...] = ("ceil", "nearest")

CHANNEL_DIVISOR = 8
PIXEL_DIVISOR = 8

Count: TypeAlias = Any
"""A whole number, or an array (n,) of one for each of n networks: int64, or Python's own."""
Exact: TypeAlias = Any
"""A number before rounding, or an array (n,) of them."""


def round_channels(channels: Exact, *, divisor: int = CHANNEL_DIVISOR, keep: float = 0.9) -> Count:
    """Round `channels` half up to a multiple of `divisor`, never below `keep` of the value.

    `keep=0.9` is the guard of V1 and Lite; `keep=0` leaves it out, as V2-B0…B3 do.
    """
    rounded = larger(floor(channels / divisor + 0.5) * divisor, divisor)
    return whole(rounded + divisor * (rounded < keep * channels))


def round_repeats(repeats: Exact, rounding: Rounding = "ceil") -> Count:
    """Blocks in a stage: rounded up ("ceil", as published) or half up ("nearest"); at least 1."""
    if rounding not in ROUNDINGS:
        raise InvalidInput(f"Rounding must be ceil or nearest; got {rounding!r}.")
    # Powers such as 1.2**1 * 5 can land an ulp above an integer: that is not one more block.
    snapped = floor(repeats * 1e9 + 0.5) / 1e9
    blocks = -floor(-snapped) if rounding == "ceil" else floor(snapped + 0.5)
    return whole(larger(blocks, 1))


def round_resolution(pixels: Exact, *, exact: bool = False) -> Count:
    """Round half up to a multiple of 8 pixels, or to whole pixels when `exact`; at least 8."""
    divisor = 1 if exact else PIXEL_DIVISOR
    return whole(larger(floor(pixels / divisor + 0.5) * divisor, PIXEL_DIVISOR))


def floor(value: Exact) -> Exact:
    """The largest whole number that is not above `value`."""
    return np.floor(value) if isinstance(value, np.ndarray) else math.floor(value)


def larger(one: Exact, other: Exact) -> Exact:
    """The larger of two numbers, or of an array's and a number's or an array's, one by one."""
    return np.maximum(one, other) if isinstance(one, np.ndarray) else max(one, other)


def whole(value: Exact) -> Count:
    """`value` without its fraction."""
    return value.astype(np.int64) if isinstance(value, np.ndarray) else int(value)
