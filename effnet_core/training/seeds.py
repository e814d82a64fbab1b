"""Seeds that are pure functions of what they stand for, so that no generator's state is saved."""

from __future__ import annotations

import numpy as np
import torch

ORDER, NOISE, INITIAL = 1, 2, 3
"""What a seed is for; the first of `mixed`'s parts after the run's own seed."""


def mixed(*parts: int) -> int:
    """One seed from several whole numbers ≥ 0, in [0, 2^63); near inputs give unrelated seeds."""
    state = np.random.SeedSequence(parts).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(*parts: int) -> torch.Generator:
    """A CPU generator seeded with `mixed(*parts)`."""
    return torch.Generator().manual_seed(mixed(*parts))
