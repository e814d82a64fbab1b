"""Class names from files, and that uploads stay few and private."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.architecture.names import scaled
from effnet_core.errors import CheckpointError, EffnetError, InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.service import ModelCard
from effnet_core.service.uploads import Upload, Uploads, parse_class_names
from effnet_core.weights import save_checkpoint


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Three checkpoints of a tiny network with different weights."""
    folder = tmp_path_factory.mktemp("uploads")
    spec = scaled(-5, resolution=32, num_classes=3)
    for seed in range(3):
        save_checkpoint(folder / f"{seed}.safetensors", build(spec, seed=seed))
    return [Path(folder / f"{seed}.safetensors").read_bytes() for seed in range(3)]


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\nfish",
        "cat\r\ndog\r\nfish\r\n\r\n",
        b"\xef\xbb\xbfcat\ndog\nfish\n",
        '["cat", "dog", "fish"]',
        b' [ "cat" , "d\\u006fg", "fish" ]\n',
    ],
)
def test_names_come_a_line_each_or_as_a_json_list(text: bytes | str) -> None:
    assert parse_class_names(text) == ("cat", "dog", "fish")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"[]", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'["cat", 3]', "other than texts"),
        (b'["cat"', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"cat\n\ndog", "Class name 2 has 0 characters"),
        (b"cat\n" + b"x" * 201, "Class name 2 has 201 characters"),
        (b"x" * (4 * 2**20 + 1), "more than 4 MB"),
    ],
)
def test_other_files_get_a_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        parse_class_names(text)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_give_printable_names_or_a_sentence(text: bytes | str) -> None:
    try:
        names = parse_class_names(text)
    except EffnetError:
        return
    assert names
    assert all(len(name.splitlines()) == 1 and name == name.strip() for name in names)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1))
def test_a_json_list_keeps_the_number_and_order_of_names(names: list[str]) -> None:
    visible = [name for name in names if name.isprintable() and name.strip()]
    if visible:
        assert parse_class_names(json.dumps(visible)) == tuple(name.strip() for name in visible)


def add(uploads: Uploads, data: bytes, name: str, **given: Any) -> ModelCard:
    return uploads.keep(Upload(files={name: data}, **given).read(), name, len(data))


def test_the_id_holds_the_hash_and_the_settings(files: list[bytes]) -> None:
    uploads = Uploads(4, on_drop=lambda _: None)
    plain = add(uploads, files[0], "mine.safetensors")
    named = add(uploads, files[0], "mine.safetensors", classes=("cat", "dog", "fish"))
    again = add(uploads, files[0], "../co\npy.safetensors")
    assert again.title == f"co py.safetensors ({uploads.weights(again.id).spec.name})"
    loaded = uploads.weights(named.id)
    assert loaded.sha256 in plain.id
    assert loaded.sha256 in named.id
    assert plain.id == again.id != named.id
    assert named.classes == loaded.classes == ("cat", "dog", "fish")
    assert (named.kind, named.state, named.resolution) == ("uploaded", "ready", 32)
    assert named.preprocessing_source == "metadata"
    assert named.size_bytes == len(files[0])
    larger = Preprocessing.imagenet(64)
    other = add(uploads, files[0], "mine.safetensors", preprocessing=larger)
    assert other.id != plain.id
    assert (other.resolution, other.preprocessing_source) == (64, "given")


def test_only_the_last_few_are_kept(files: list[bytes]) -> None:
    dropped: list[str] = []
    uploads = Uploads(2, on_drop=dropped.append)
    ids = [add(uploads, data, "mine.safetensors").id for data in files]
    assert [identity.partition("@")[0] for identity in dropped] == ids[:1]
    assert [card.id for card in uploads.cards(ids)] == ids[1:]
    with pytest.raises(WeightsError, match="upload it again"):
        uploads.weights(ids[0])
    with pytest.raises(WeightsError, match="upload it again"):
        uploads.weights("upload:unknown")


def test_who_uploads_most_makes_room_first(files: list[bytes]) -> None:
    uploads = Uploads(2, on_drop=lambda _: None)
    read = [Upload(files={"mine.safetensors": data}).read() for data in files]
    for loaded, owner in zip(read, ("one", "other", "other"), strict=True):
        uploads.keep(loaded, "mine.safetensors", 1, owner)
    assert [card.id for card in uploads.cards([each.id for each in read])] == [
        read[0].id,
        read[2].id,
    ]


def test_a_wrong_file_or_wrong_names_are_refused_and_nothing_is_kept(files: list[bytes]) -> None:
    uploads = Uploads(2, on_drop=lambda _: None)
    with pytest.raises(CheckpointError, match="2 class names, but the network has 3"):
        add(uploads, files[0], "mine.safetensors", classes=("cat", "dog"))
    for data, name in ((files[0][:-9], "a.safetensors"), (b"", "b.pth"), (files[0], "c.pkl")):
        with pytest.raises(CheckpointError):
            add(uploads, data, name)
    assert not uploads._kept


@pytest.mark.parametrize("path", ["/etc/spec.json", "../b0/spec.json", "spec.json", "own.json"])
def test_an_architecture_is_a_name_and_never_a_path(
    files: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "own.json").write_text(scaled(-5, resolution=32, num_classes=3).to_json())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="No EfficientNet is called"):
        add(Uploads(2, on_drop=lambda identity: None), files[0], "a.safetensors", architecture=path)


def test_a_name_with_a_files_ending_is_still_a_name(
    files: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b0.json").write_text(scaled(-5, resolution=32, num_classes=3).to_json())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=r"No EfficientNet is called 'b0\.json'"):
        uploads = Uploads(2, on_drop=lambda identity: None)
        add(uploads, files[0], "a.safetensors", architecture="b0.json")
