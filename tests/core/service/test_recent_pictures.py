"""Decoded pictures are kept, as far as they are needed, within a bound."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.errors import ImageError
from effnet_core.images import Decoded, Preprocessing, crop_box, decode, decode_reduced
from effnet_core.service import ClassifyRequest
from effnet_core.service import recent as module
from effnet_core.service.recent import LEAST, RecentPictures, digest
from effnet_core.service.visitors import Visitor

SECONDS = 20


class Pictures(RecentPictures):
    """Recent pictures, asked for by their bytes alone."""

    def of(self, data: bytes, edge: int | None = LEAST) -> Decoded:
        return self.get(digest(data), data, edge)


def in_turn(data: bytes, other: bytes) -> bool:
    """Whether the two are decoded one after the other."""
    return digest(data)[0] % 2 == digest(other)[0] % 2


def png(width: int, height: int, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_picture_is_decoded_once_and_exactly() -> None:
    pictures, data = Pictures(), png(60, 40)
    first = pictures.of(data)
    assert pictures.of(bytes(data)) is first
    assert first.milliseconds > 0
    np.testing.assert_array_equal(np.asarray(first.image), np.asarray(decode(data)))


def test_a_large_jpeg_is_kept_at_each_fraction_that_is_asked_for() -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((3200, 2400)).convert("RGB").save(file, "JPEG")
    pictures, data = Pictures(12_000_000), file.getvalue()
    kept = {edge: pictures.of(data, edge) for edge in (600, None, 1200)}
    sizes = {edge: decoded.image.size for edge, decoded in kept.items()}
    assert sizes == {600: (800, 600), 1200: (1600, 1200), None: (3200, 2400)}
    assert {decoded.size for decoded in kept.values()} == {(3200, 2400)}
    assert kept[None].image.tobytes() == decode(data).tobytes()
    assert pictures.of(data) is kept[600]
    assert all(pictures.of(data, edge) is decoded for edge, decoded in kept.items())


def test_a_picture_that_is_never_reduced_is_decoded_once_for_all() -> None:
    pictures, data = Pictures(), png(60, 40)
    first = pictures.of(data)
    assert pictures.of(data, 1200) is pictures.of(data, None) is first


def test_the_least_recently_used_makes_room() -> None:
    pictures = Pictures(max_pixels=2 * 30 * 30)
    data = [png(30, 30, seed) for seed in range(3)]
    kept = [pictures.of(data[0]), pictures.of(data[1])]
    assert pictures.of(data[0]) is kept[0]
    pictures.of(data[2])
    assert pictures.of(data[0]) is kept[0]
    assert pictures.of(data[1]) is not kept[1]


def test_a_picture_beyond_the_bound_is_answered_but_not_kept() -> None:
    pictures, data = Pictures(max_pixels=100), png(30, 30)
    assert pictures.of(data).image.size == (30, 30)
    assert pictures.of(data) is not pictures.of(data)


def test_bad_bytes_are_refused_each_time() -> None:
    pictures = Pictures()
    for _ in range(2):
        with pytest.raises(ImageError):
            pictures.of(b"not a picture")


def test_nobody_waits_for_another_picture_who_has_one_that_is_kept_or_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures, kept, gate, begun = Pictures(), png(60, 40), threading.Event(), threading.Event()
    known = pictures.of(kept)
    many = [png(30, 30, seed) for seed in range(100)]
    slow, late = [data for data in many if in_turn(data, kept)][:2]

    def decoded(data: bytes, **given: Any) -> Decoded:
        begun.set()
        assert gate.wait(SECONDS)
        return decode_reduced(data, **given)

    def leave() -> None:
        raise KeyError

    monkeypatch.setattr(module, "decode_reduced", decoded)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(pictures.of, slow)
        assert begun.wait(SECONDS)
        assert pool.submit(pictures.of, kept).result(SECONDS / 2) is known
        left = pool.submit(pictures.get, digest(late), late, visitor=Visitor("one", leave))
        with pytest.raises(KeyError):
            left.result(SECONDS / 2)
        gate.set()
        assert first.result(SECONDS).size == (30, 30)


@pytest.mark.parametrize(("resize", "edge"), [(300, 600), (301, 1200), (601, None)])
def test_the_service_decodes_once_as_far_as_the_model_needs(
    ready: Any,
    checkpoints: tuple[bytes, bytes],
    monkeypatch: pytest.MonkeyPatch,
    resize: int,
    edge: int | None,
) -> None:
    asked = []

    def decoded(data: bytes, **given: Any) -> Decoded:
        asked.append(given["shorter_edge"])
        return decode_reduced(data, **given)

    monkeypatch.setattr(module, "decode_reduced", decoded)
    shape = Preprocessing(resize=resize, crop=64)
    card = ready.service.add_checkpoint(checkpoints[0], "tiny.safetensors", preprocessing=shape)
    file = io.BytesIO()
    Image.linear_gradient("L").resize((3200, 2400)).convert("RGB").save(file, "JPEG")
    prediction = ready.service.classify(ClassifyRequest(file.getvalue(), card.id))
    assert asked == [edge]
    assert prediction.crop_box == crop_box((3200, 2400), shape)


@pytest.mark.parametrize(
    ("side", "kind", "in_turn"),
    [(60, "PNG", 1), (4000, "PNG", 0), (400, "JPEG", 1), (500, "JPEG", 0)],
)
def test_a_picture_is_decoded_once_for_an_answer(
    make: Any, monkeypatch: pytest.MonkeyPatch, side: int, kind: str, in_turn: int
) -> None:
    """A small one in its turn; before it a large one, and one of ten scans that costs as much."""
    ready = make()
    ready.service.classify(ClassifyRequest(png(60, 40), ready.ids[0]))
    ready.service._pictures = RecentPictures(max_pixels=10)
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, kind, progressive=True)
    assert len(file.getvalue()) < 100_000
    lanes, held = ready.service._models._lanes, []

    def decoding(data: bytes, **given: Any) -> Decoded:
        held.append(sum(lane.users for lane in lanes._lanes.values()))
        return decode_reduced(data, **given)

    monkeypatch.setattr(module, "decode_reduced", decoding)
    ready.service.classify(ClassifyRequest(file.getvalue(), ready.ids[0]))
    assert held == [in_turn]
