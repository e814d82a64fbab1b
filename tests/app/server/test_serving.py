"""The server: its settings arrive whichever way it starts, and what must be refused is refused."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from app.server.settings import settings
from effnet_core.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "streamlit_config.toml"
WAYS = {
    # --old-file: the virtual environment is taken as it is
    "make app": ["make", "--old-file=setup-app", "app"],
    "effnet app": [str(Path(sys.executable).with_name("effnet")), "app"],
    "streamlit run": [sys.executable, "-m", "streamlit", "run", "app/main.py"],
}


def new_session(url: str) -> Any:
    """Open a session as a browser does; return the message that carries the app's settings."""
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")]) as socket_:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        socket_.send(ask.SerializeToString())
        answer = ForwardMsg()
        answer.ParseFromString(socket_.recv(timeout=30))
        return answer.new_session


@pytest.fixture
def changed_copy(tmp_path: Path) -> Path:
    """Return a copy of the app whose settings file differs from the project's in one colour."""
    for folder in ("app", "effnet_core", "assets", ".streamlit"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    text = CONFIG.read_text(encoding="utf-8")
    before = tomllib.loads(text)["theme"]["light"]["backgroundColor"]
    changed = text.replace(f'backgroundColor = "{before}"', 'backgroundColor = "#123456"')
    (tmp_path / CONFIG.name).write_text(changed, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("way", WAYS)
def test_settings_file_arrives_and_variables_win(
    way: str,
    changed_copy: Path,
    free_port: Callable[[], int],
    wait_healthy: Callable[..., None],
) -> None:
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(changed_copy),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_THEME_LIGHT_TEXT_COLOR": "#654321",
    }
    process = subprocess.Popen(
        WAYS[way], cwd=changed_copy, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_healthy(f"http://127.0.0.1:{port}", process)
        session = new_session(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert session.custom_theme.light.background_color == "#123456"
    assert session.custom_theme.light.text_color == "#654321"
    assert session.config.toolbar_mode == session.config.ToolbarMode.MINIMAL


def test_every_setting_is_one_that_streamlit_knows() -> None:
    from streamlit import config

    found = settings(CONFIG, {})
    unknown = set(found) - set(config.get_config_options())
    assert not unknown
    for mode in ("light", "dark"):  # with fewer than ten, charts fall back to Plotly's own colours
        assert len(set(found[f"theme.{mode}.chartCategoricalColors"])) >= 10  # type: ignore[arg-type]


def test_variables_are_read_as_their_options_type() -> None:
    found = settings(
        CONFIG,
        {
            "STREAMLIT_SERVER_PORT": "8600",
            "STREAMLIT_RUNNER_POST_SCRIPT_GC": "true",
            "STREAMLIT_SERVER_CUSTOM_COMPONENTS": "ignored",
        },
    )
    assert found["server.port"] == 8600
    assert found["runner.postScriptGC"] is True
    with pytest.raises(InvalidInput, match="STREAMLIT_SERVER_PORT=many"):
        settings(CONFIG, {"STREAMLIT_SERVER_PORT": "many"})


def test_broken_settings_file_gets_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[server\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"broken\.toml is not valid TOML"):
        settings(broken, {})


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the server's command, expecting it to refuse."""
    command = [sys.executable, "-m", "app.server", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_taken_port_gets_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = serve("--port", str(port))
    assert answer.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in answer.stderr
    assert "make app PORT=" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_impossible_port_gets_a_sentence() -> None:
    answer = serve("--port", "70000")
    assert answer.returncode == 2
    assert answer.stderr.strip() == "70000 is not a port: choose a number from 1 to 65535."


def test_foreign_origin_is_refused(server: str) -> None:
    address = server.replace("http://", "ws://") + "/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(
            address,
            origin=Origin("https://elsewhere.example"),
            subprotocols=[Subprotocol("streamlit")],
        )
    assert refused.value.response.status_code == 403


def test_upload_without_token_is_refused(server: str) -> None:
    request = urllib.request.Request(
        f"{server}/_stcore/upload_file/session/file", data=b"x", method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code in (400, 403)
