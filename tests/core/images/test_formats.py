"""`effnet_core.images`: every row of the table of formats and depths comes out as it says."""

from __future__ import annotations

import numpy as np
import pytest

from effnet_core.errors import ImageError
from effnet_core.images import decode_reduced
from tests.reading.pictures import PICTURES, SHARES, Row


@pytest.mark.parametrize("row", PICTURES, ids=lambda row: f"{row.format}, {row.values}")
def test_a_picture_is_what_its_shares_of_white_say(row: Row) -> None:
    if row.refused:
        with pytest.raises(ImageError, match=row.refused) as caught:
            decode_reduced(row.make(), shorter_edge=None)
        assert str(caught.value).endswith(".")
        return
    found = decode_reduced(row.make(), shorter_edge=None)
    pixels = np.asarray(found.image).astype(int)
    across = pixels.shape[1] // SHARES.size
    middles = pixels[pixels.shape[0] // 2, across // 2 :: across]  # (4, 3)
    expected = np.round(SHARES[0] * 255)[:, None]
    assert np.abs(middles - expected).max() <= row.tolerance, middles
    assert (row.note in " ".join(found.notes)) and bool(row.note) == bool(found.notes)
