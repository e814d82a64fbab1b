"""A picture is decoded and hashed once a request, and what its weights name is found once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from effnet_core.images import decoding
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService, recent
from effnet_core.service.uploads import Uploads
from effnet_core.weights import WeightsStore, bundled, store

ASKED: dict[str, Callable[[InferenceService, bytes, str], Any]] = {
    "classify": lambda service, image, name: service.classify(ClassifyRequest(image, name)),
    "explain": lambda service, image, name: service.explain(
        ExplainRequest(image=image, weights=name)
    ),
    "explain an inner stage": lambda service, image, name: service.explain(
        ExplainRequest(image=image, weights=name, stage=3)
    ),
    "explain_stages": lambda service, image, name: service.explain_stages(
        ExplainRequest(image=image, weights=name)
    ),
    "explain_classes": lambda service, image, name: service.explain_classes(
        ClassifyRequest(image, name)
    ),
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, pictures: tuple[bytes, ...]) -> Counter[str]:
    """How often a picture was decoded, a picture's bytes hashed, and a name looked up."""
    found: Counter[str] = Counter()

    def count(place: object, name: str, what: str) -> None:
        original = getattr(place, name)

        def counting(*args: Any, **options: Any) -> Any:
            found[what] += 1
            return original(*args, **options)

        monkeypatch.setattr(place, name, counting)

    def sha256(data: bytes = b"") -> Any:
        found["hashed"] += data in pictures
        return hashlib_sha256(data)

    hashlib_sha256 = hashlib.sha256
    monkeypatch.setattr(recent.hashlib, "sha256", sha256)
    count(decoding, "refuse_costly", "decoded")
    count(WeightsStore, "source", "resolved")
    count(Uploads, "weights", "resolved")
    count(store, "find_bundled", "bundled")
    count(store, "find", "published")
    count(bundled, "find_bundled", "bundled")
    count(WeightsStore, "imported", "imported")
    return found


@pytest.mark.parametrize("kind", ["uploaded", "imported", "bundled"])
@pytest.mark.parametrize("ask", ASKED)
def test_everything_is_found_once_a_request(
    ready: Any,
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    bundled: Any,
    counted: Counter[str],
    kind: str,
    ask: str,
) -> None:
    if kind == "imported":
        file = tmp_path / "own.safetensors"
        file.write_bytes(checkpoints[0])
        name = WeightsStore(tmp_path).import_file(file).id
    elif kind == "bundled":
        bundled.put(name := "Tiny", "φ = −6, trained here")
    else:
        name = ready.ids[0]
    looked_up = {
        "uploaded": {},
        "imported": {"bundled": 1, "imported": 1},
        "bundled": {"bundled": 1},
    }[kind]
    for picture in pictures[:2]:  # the model is cold, and then warm
        counted.clear()
        ASKED[ask](ready.service, picture, name)
        assert dict(counted) == {"decoded": 1, "hashed": 1, "resolved": 1, **looked_up}
    counted.clear()
    ASKED[ask](ready.service, pictures[0], name)  # what was decoded a moment ago is there still
    assert dict(counted) == {"hashed": 1, "resolved": 1, **looked_up}
