"""From the bytes of a JPEG to the five most probable classes, beside decoding and a pass alone.

What stands between decoding and the pass, and after it, is to cost at most 15 % of both together.
Two users at once are to wait no longer than if they had asked in turn.
The photo is one of scikit-image's, as a picture from the web (500 pixels wide) and as one from a
telephone (4000 × 3000): enlarged, with grain, so that its bytes are as many as a real one's.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from PIL import Image

from benchmarks.peers import peer
from benchmarks.protocol import Call, Plan
from benchmarks.rows import Row, compare
from benchmarks.subjects import Subject
from effnet_core.images.resizing import decode_for
from effnet_core.images.samples import load_sample

TARGET = 1.15
PLAN = Plan(rounds=12, seconds=0.15)
PHOTOS = {"JPEG of 500 × 375": (500, 375), "JPEG of 4000 × 3000": (4000, 3000)}
ANSWERS = 40
GRAIN = 3.0  # standard deviation of 256 levels


def rows() -> tuple[Row, ...]:
    """Both photos, with B0."""
    subject = Subject("b0")
    found: list[Row] = []
    for name, size in PHOTOS.items():
        found += _rows(subject, f"{name} to top 5, B0", jpeg(size))
    return (*found, *_two_users(subject, jpeg(next(iter(PHOTOS.values())))))


def _two_users(subject: Subject, data: bytes) -> tuple[Row, ...]:
    """As many answers to two users at once and to one who asks in turn."""
    answer = partial(subject.predictor.predict_bytes, data, top_k=5)

    def together() -> None:
        with ThreadPoolExecutor(2) as users:
            for asked in [users.submit(answer) for _ in range(ANSWERS)]:
                asked.result()

    def in_turn() -> None:
        for _ in range(ANSWERS):
            answer()

    alone = peer("one user", lambda: in_turn, 1.0)
    return compare(f"{ANSWERS} answers to two users, B0", together, [alone], PLAN)


def jpeg(size: tuple[int, int]) -> bytes:
    """The sample photo in another size (width, height), with grain, as a JPEG of quality 90."""
    with Image.open(io.BytesIO(load_sample("coffee"))) as picture:
        pixels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    grain = np.random.default_rng(0).normal(0, GRAIN, (*pixels.shape[:2], 1))
    buffer = io.BytesIO()
    Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _rows(subject: Subject, name: str, data: bytes) -> tuple[Row, ...]:
    predictor, x = subject.predictor, subject.inputs()

    def alone(decoded: Call) -> None:
        decoded()
        predictor.forward(x)

    ours = partial(predictor.predict_bytes, data, top_k=5)
    pillow = partial(alone, partial(_pillow, data))
    own = partial(alone, partial(decode_for, data, predictor.preprocessing))
    peers = [
        peer("this project's decoding + pass", lambda: own, TARGET),
        peer("Pillow's decoding + pass", lambda: pillow, TARGET),
        peer("torchvision, transforms and network", partial(_torchvision, subject, data)),
    ]
    return compare(name, ours, peers, PLAN)


def _pillow(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def _torchvision(subject: Subject, data: bytes) -> Call:
    """What torchvision's documentation does with a picture; in torch's eager mode."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    size = subject.loaded.preprocessing
    transforms = ImageClassification(
        crop_size=size.crop, resize_size=size.resize, interpolation=InterpolationMode.BICUBIC
    )

    def run() -> torch.Tensor:
        with torch.inference_mode():
            logits = subject.theirs(transforms(_pillow(data)).unsqueeze(0))
            return torch.topk(logits.softmax(1), 5).values

    ours = subject.predictor.predict_bytes(data, top_k=5)
    found = run()[0].tolist()
    expected = [each.probability for each in ours.top]
    if not np.allclose(found, expected, atol=1e-2):
        raise RuntimeError(f"other probabilities: {found}, not {expected}.")
    return run
