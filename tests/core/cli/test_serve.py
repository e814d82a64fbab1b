"""`effnet serve` says in a sentence what it lacks, or what it cannot listen on."""

from __future__ import annotations

import socket
import sys

import pytest

from effnet_core.cli import main

ENGINE = "effnet_core.service.remote.engine"


@pytest.mark.parametrize("lacking", ["litserve", "prometheus_client"])
def test_a_missing_package_gets_a_sentence(
    lacking: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (ENGINE, ENGINE.replace("engine", "metrics"), ENGINE.replace("engine", "routes")):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, lacking, None)
    assert main(["serve", "--port", "0"]) == 1
    assert "pip install 'effnet-explorer[serve]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--host", "example.org"], "127.0.0.1, 0.0.0.0, ::"),
        (["--port", "80"], "1024 to 65535"),
        (["--device", "gpu"], "device must be"),
    ],
)
def test_a_wrong_setting_gets_a_sentence(
    given: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *given]) == 2
    assert sentence in capsys.readouterr().err


def test_a_taken_port_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in capsys.readouterr().err
