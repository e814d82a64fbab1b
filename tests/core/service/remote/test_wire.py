"""What travels arrives as it was, and what is not a question or an answer is refused."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core import errors
from effnet_core.architecture.names import scaled
from effnet_core.attribution.cell import Cell
from effnet_core.engines.prediction import ClassProbability, Prediction
from effnet_core.errors import EffnetError
from effnet_core.images import Preprocessing
from effnet_core.service import (
    CellRequest,
    ClassifyRequest,
    ExplainRequest,
    Exported,
    InferenceService,
    LedgerRequest,
    ProbeRequest,
)
from effnet_core.service.remote import wire
from effnet_core.service.remote.client import RemoteService
from effnet_core.weights.reading.settings import Settings
from tests.core.service.remote.same import require_same

SPEC = scaled(-5, resolution=32, num_classes=3)
EXPLAIN = ExplainRequest(
    image=b"x",
    weights="lite0",
    class_index=3,
    method="occlusion",
    stage=2,
    parameters=(("window", 8), ("baseline", "black"), ("part", 0.1), ("smooth", True)),
)
FILES = {"a.pth": b"\x00\xff"}
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("classify", {"request": ClassifyRequest(b"\xff\x00", "lite0", 3)}),
    ("explain", {"request": EXPLAIN}),
    ("explain", {"request": replace(EXPLAIN, stage="last", class_index=None, parameters=())}),
    ("explain_stages", {"request": EXPLAIN}),
    ("explain_classes", {"request": ClassifyRequest(b"", "lite0")}),
    ("trust", {"request": EXPLAIN}),
    ("ledger", {"request": LedgerRequest(b"x", "é", None, 2)}),
    ("document", {"request": LedgerRequest(b"x", "a"), "picture": "a cup", "shown": EXPLAIN}),
    ("probe", {"request": ProbeRequest(b"x", "a", 1, (32, 64))}),
    ("channels", {"request": EXPLAIN}),
    ("cell", {"request": CellRequest(b"x", "a", Cell(stage=1, channel=2, row=3, column=4))}),
    ("available", {"uploads": ("upload:1", "upload:2")}),
    ("classes", {"weights": "a"}),
    ("is_prepared", {"weights": "a"}),
    ("require", {"weights": "a"}),
    ("spec", {"weights": "a"}),
    ("export", {"weights": "a"}),
    ("loaded", {}),
    ("add_checkpoint", {"data": b"x", "file_name": "a.pth"}),
    (
        "add_checkpoint",
        {
            "data": b"x",
            "file_name": "a.pth",
            "architecture": None,
            "classes": ("cat", "dog"),
            "preprocessing": Preprocessing.imagenet(64),
            "activation": "sigmoid",
            "weights_key": "ema",
            "beside": FILES,
        },
    ),
    ("understand_checkpoint", {"files": FILES, "preprocessing": Settings(crop=64)}),
    ("understand_checkpoint", {"files": FILES, "preprocessing": None}),
    (
        "witness",
        {"exported": Exported(spec=SPEC, opset=18, onnx=b"", safetensors=b"x"), "stem": "a"},
    ),
    ("measure_spec", {"spec": SPEC, "repeats": 3, "engine": "runtime"}),
    ("verify", {"spec": SPEC}),
    ("untrained_onnx", {"spec": SPEC, "seed": 1}),
    ("untrained_python", {"spec": SPEC}),
    ("download", {"weights": "a"}),
    ("downloaded", {"weights": "a"}),
    ("device_name", {}),
    ("waiting", {}),
]


@pytest.mark.parametrize(("method", "arguments"), QUESTIONS, ids=lambda value: str(value)[:20])
def test_questions_arrive_as_they_were(method: str, arguments: dict[str, Any]) -> None:
    assert wire.read_question(method, wire.question(method, arguments)) == arguments


def test_every_method_has_types_that_travel() -> None:
    assert "classify" in wire.methods()
    for method in wire.methods():
        with pytest.raises(wire.Damaged):
            wire.read_question(method, b"\xc1")
        with pytest.raises(wire.Damaged):
            wire.read_answer(method, b"\xc1", lambda *_: 0.0)


def test_every_public_method_is_asked_over_the_wire() -> None:
    public = {
        name
        for name, value in inspect.getmembers(InferenceService)
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    assert public <= set(vars(RemoteService))


def test_an_app_that_rests_asks_no_engine() -> None:
    RemoteService("http://127.0.0.1:1").rest()  # where nobody listens
    assert "rest" not in wire.methods()


def test_a_picture_may_be_named_by_its_hash() -> None:
    asked = {"request": ClassifyRequest(b"picture" * 1000, "lite0")}
    data = wire.question("classify", asked, with_picture=False)
    assert len(data) < 100
    with pytest.raises(wire.Unknown, match="picture"):
        wire.read_question("classify", data)
    assert wire.read_question("classify", data, lambda _: b"picture" * 1000) == asked


def prediction() -> Prediction:
    return Prediction(
        weights="lite0",
        top=(ClassProbability(1, "cat", 0.1 + 0.2),),
        milliseconds=1 / 3,
        pixels=np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
        crop_box=(0.0, -0.0, 1e-300, 4.0),
        device="cpu",
        dtype="float32",
        engine="x",
        resolution=2,
        classes=("dog", "cat"),
        probabilities=np.array([np.nan, 1e-45], np.float32),
        notes=("a note",),
    )


def test_an_answer_arrives_to_the_bit() -> None:
    found = wire.read_answer("classify", wire.answer(prediction()), lambda *_: 0.0)
    expected = prediction()
    expected.pixels.flags.writeable = expected.probabilities.flags.writeable = False
    require_same(expected, found)
    assert found.milliseconds == expected.milliseconds


@pytest.mark.parametrize(
    "wrong",
    [
        ["<f8", [2], bytes(16)],  # not the declared type
        ["<f4", [3], bytes(8)],  # fewer bytes than it says
        ["<f4", [-2], bytes(8)],
        ["<f4", [1] * 9, bytes(4)],
        ["|O", [1], bytes(8)],
        "text",
        ["<f4", [2**40, 2**40], b""],
    ],
)
def test_an_array_that_is_not_one_is_refused(wrong: object) -> None:
    import msgspec

    values = msgspec.msgpack.decode(wire.answer(prediction()))
    values["probabilities"] = wrong
    with pytest.raises(wire.Damaged):
        wire.read_answer("classify", msgspec.msgpack.encode(values), lambda *_: 0.0)


@given(st.data())
def test_damaged_bytes_are_refused_or_a_question(data: st.DataObject) -> None:
    method, arguments = data.draw(st.sampled_from(QUESTIONS))
    whole = wire.question(method, arguments)
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.binary(max_size=4))
    damaged = whole[:place] + change + whole[place + data.draw(st.integers(0, 4)) :]
    try:
        found = wire.read_question(method, damaged)
    except (wire.Damaged, wire.Unknown):
        return
    assert set(found) <= set(inspect.signature(wire._arguments(method)).parameters)


@given(st.binary(max_size=64))
def test_any_bytes_are_refused_or_an_answer(data: bytes) -> None:
    for method in ("classify", "explain_stages", "cell"):
        with pytest.raises(wire.Damaged):
            wire.read_answer(method, data, lambda *_: 0.0)


@pytest.mark.parametrize("kind", wire.ERRORS.values(), ids=wire.ERRORS)
def test_errors_arrive_as_the_same_class_and_sentence(kind: type[EffnetError]) -> None:
    found = wire.read_refusal(wire.refusal(kind("Do this instead, é.")))
    assert type(found) is kind
    assert str(found) == "Do this instead, é."


def test_an_error_of_another_room_arrives_as_what_it_is_here() -> None:
    class Special(errors.WeightsError):
        """Not in the family's own module."""

    found = wire.read_refusal(wire.refusal(Special("gone")))
    assert type(found) is errors.WeightsError
