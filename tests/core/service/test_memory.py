"""Two thousand requests leave the process as large as five hundred did."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.service import ClassifyRequest, ExplainRequest
from effnet_core.service.recent import RecentPasses, RecentPictures

STATUS = Path("/proc/self/status")
REQUESTS, WARM = 2000, 500
KEPT_BYTES = 4 * 2**20
GROWTH = 12 * 2**20
"""What one pass kept of each request would pass: 1,500 of 26 kB and more. The allocator's own
fluctuation is some 2 MB."""


def resident() -> int:
    """Bytes of this process in memory."""
    line = next(row for row in STATUS.read_text().splitlines() if row.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def picture(number: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((96 + number % 7, 80)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.skipif(not STATUS.is_file(), reason="the kernel tells no process its size here")
def test_two_thousand_requests_leave_memory_flat(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecentPasses.__init__, "__defaults__", (KEPT_BYTES,))
    monkeypatch.setattr(RecentPictures.__init__, "__defaults__", (KEPT_BYTES // 3,))
    ready = make()
    warm = 0
    for number in range(REQUESTS):
        data, weights = picture(number), ready.ids[number % 2]
        if number % 5:
            ready.service.classify(ClassifyRequest(data, weights))
        else:
            ready.service.explain(ExplainRequest(image=data, weights=weights, class_index=1))
        if number == WARM:
            gc.collect()
            warm = resident()
    gc.collect()
    assert resident() - warm < GROWTH
