"""`effnet weights`: list, get, import, verify, remove."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from effnet_core.weights import store as store_module
from effnet_core.weights.published import catalog, find

pytestmark = pytest.mark.usefixtures("bundled")  # whatever comes with the project is left out

Effnet = Callable[..., Any]
CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve CONTENT for every file, on the loopback interface."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "b0" mean CONTENT."""
    entry = dataclasses.replace(
        find("b0"),
        file_name=f"tiny-{SHA256[:8]}.pth",
        hash_prefix=SHA256[:8],
        size_bytes=len(CONTENT),
    )
    monkeypatch.setattr(store_module, "find", lambda text: entry)


def test_list_shows_every_published_set_with_its_size(effnet: Effnet) -> None:
    everything = effnet("weights", "list", "--json").json
    packaged, listing = everything[:3], everything[3:]
    assert [record["id"] for record in packaged] == ["lite0", "lite1", "lite2"]
    assert all(record["packaged"] and record["state"] == "ready" for record in packaged)
    assert [record["id"] for record in listing] == [entry.id for entry in catalog()]
    assert {record["state"] for record in listing} == {"absent"}
    assert all(record["size_bytes"] > 20_000_000 for record in listing)
    text = effnet("weights", "list").out
    assert "EfficientNet_B0_Weights.IMAGENET1K_V1" in text
    assert "21.4 MB" in text


def test_get_downloads_and_verify_checks(
    effnet: Effnet, mirror: None, published: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = effnet("weights", "get", "b0", "--json")
    assert answer.code == 0
    (got,) = answer.json
    assert got["sha256"] == SHA256
    assert Path(got["path"]).read_bytes() == CONTENT
    assert effnet("weights", "verify", "b0", "--json").json == [
        {"id": "b0", "sha256": SHA256, "compared": True}
    ]
    Path(got["path"]).write_bytes(b"x" + CONTENT[1:])
    damaged = effnet("weights", "verify", "b0")
    assert damaged.code == 1
    assert "has changed since it was saved" in damaged.err
    assert f"{len(CONTENT) / 1e6:.1f} MB freed" in effnet("weights", "remove", "b0").out
    assert not Path(got["path"]).exists()


def test_get_refuses_what_is_not_the_published_file(
    effnet: Effnet, mirror: None, tmp_path: Path
) -> None:
    answer = effnet("weights", "get", "b0", "--json")
    assert answer.code == 1
    assert "is not the published file" in answer.json[0]["error"]
    assert not list((tmp_path / "cache").rglob("*.pth"))


def test_get_shows_progress_on_standard_error(
    effnet: Effnet, mirror: None, published: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.cli.common.QUIET_SECONDS", 0.0)
    answer = effnet("weights", "get", "b0")
    assert "b0: 100%" in answer.err
    assert "300k/300k" in answer.err


def test_import_verify_remove(effnet: Effnet, tmp_path: Path) -> None:
    path, names = tmp_path / "own.safetensors", tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    build = ("build", "--phi", "-4", "--resolution", "64", "--num-classes", "2")
    assert effnet(*build, "--out", path).code == 0
    arguments = (
        "--name",
        "pets",
        "--classes",
        names,
        "--crop",
        "64",
        "--mean",
        "0.5",
        "0.5",
        "0.5",
    )
    answer = effnet("weights", "import", path, *arguments, "--json")
    assert answer.code == 0
    assert (answer.json["id"], answer.json["num_classes"]) == ("pets", 2)
    listed = effnet("weights", "list", "--json").json[-1]
    assert (listed["id"], listed["imported"], listed["state"]) == ("pets", True, "ready")
    assert "\npets: intact; SHA-256 " in effnet("weights", "verify").out
    assert effnet("weights", "verify", path).code == 0
    theirs = tmp_path / "theirs.safetensors"
    save_file({"conv_stem.weight": torch.ones(3)}, theirs)
    unknown = effnet("weights", "verify", theirs)
    assert unknown.code == 0
    assert ": readable; no recorded hash to compare with; SHA-256 " in unknown.out
    assert effnet("weights", "verify", theirs, "--json").json[0]["compared"] is False
    assert effnet("weights", "remove", "pets").code == 0
    assert "pets" not in effnet("weights", "verify").out
    text = effnet("weights", "import", path, "--name", "pets").out
    assert "\nPreprocessing (metadata): shorter edge to 73 px (bicubic), central crop of 64" in text
    assert "\nClass names: numbered, no names known" in text


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("get", "b77"), 2, "No weights are called 'b77'"),
        (("verify", "b0"), 1, "is not on this disk"),
        (("verify", __file__), 1, "is not a .safetensors, .pth, .pt, .bin, .ckpt"),
        (("verify", "x" * 300), 2, "No weights are called"),
        (("remove", "b0"), 1, "is not on this disk, so there is nothing to remove"),
        (("remove", "nothing"), 2, "No weights are called"),
        (("get",), 2, "ID"),
        ((), 2, "ACTION"),
        (("import", "absent.safetensors"), 1, "absent.safetensors"),
        (("import", "setup.py"), 1, "setup.py"),
        (("import", "x.pth", "--classes", "absent.txt"), 2, "cannot be read"),
        (("import", "x.pth", "--crop", "0"), 2, "Resolution must lie"),
    ],
)
def test_failures_are_sentences(
    effnet: Effnet, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    answer = effnet("weights", *arguments)
    assert answer.code == code
    assert sentence in answer.err + answer.out


def test_bundled_models_are_listed_first_and_verified(effnet: Effnet, bundled: Any) -> None:
    file = bundled.put("tiny4", "φ = −6, trained here")
    listed = effnet("weights", "list", "--json").json
    assert (listed[0]["id"], listed[0]["bundled"], listed[0]["state"]) == ("tiny4", True, "ready")
    assert len(listed) == 1 + 3 + len(catalog())
    assert effnet("weights", "verify").out.startswith("tiny4: intact; SHA-256 ")
    refused = effnet("weights", "remove", "tiny4")
    assert refused.code != 0 and "comes with the project" in refused.err
    file.write_bytes(file.read_bytes()[:-1] + b"\x00\x01")
    damaged = effnet("weights", "verify")
    assert damaged.code != 0 and "tiny4" in damaged.err
