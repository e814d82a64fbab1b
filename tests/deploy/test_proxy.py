"""The project's own Caddyfile with Debian's Caddy, in front of two apps and two engines."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from app.server.headers import HEADERS
from benchmarks.soak import replicas
from benchmarks.soak.deployed import NO_CADDY, ROOT, Deployed, deployed, has_caddy
from effnet_core.limits import CHECKPOINT_UPLOAD_MEGABYTES, MAX_ANSWER_SECONDS
from effnet_core.service.remote.engine import MOST_SECONDS, NOTICE_S

pytestmark = pytest.mark.skipif(not has_caddy(), reason=NO_CADDY)
SESSIONS, BROWSERS = 64, 8


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed")) as started:
        yield started


def test_pages_come_over_tls_packed_and_with_the_apps_own_headers(found: Deployed) -> None:
    status, headers, _ = found.get("/", {"Accept-Encoding": "zstd, gzip"})
    assert status == 200
    assert headers["Content-Encoding"] == "zstd"
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"]
    assert headers["Server"] is None
    assert headers.get_all("Content-Security-Policy") == [HEADERS["Content-Security-Policy"]]


def test_a_browser_comes_back_to_the_same_app(found: Deployed) -> None:
    cookie = found.get("/live")[1]["Set-Cookie"].partition(";")[0]
    assert cookie.startswith("effnet_app=")
    assert found.get("/live", {"Cookie": cookie})[1]["Set-Cookie"] is None


def test_bodies_past_the_limits_are_refused(found: Deployed) -> None:
    status = 0  # the proxy may hang up on one that still sends
    with contextlib.suppress(OSError):
        status, _, _ = found.get("/v1/classify", {}, b"x" * 61_000_000)
    assert status in (0, 413, 502)  # 502 by Caddy before 2.7
    limits = [line.strip() for line in replicas_caddyfile().splitlines() if "max_size" in line]
    assert limits == ["max_size 60MB", "max_size 320MB", "max_size 700MB"]
    assert CHECKPOINT_UPLOAD_MEGABYTES < 320


def replicas_caddyfile() -> str:
    from benchmarks.soak.deployed import CADDYFILE

    return CADDYFILE.read_text(encoding="utf-8")


def test_the_json_api_answers_and_the_wire_is_not_public(found: Deployed) -> None:
    picture = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(picture, "PNG")
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    body = head + picture.getvalue() + b"\r\n--x--\r\n"
    status, headers, answer = found.get("/v1/classify", kind, body)
    assert (status, len(json.loads(answer)["top"])) == (200, 5)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert found.get("/call/waiting", {}, b"")[0] in (404, 405)  # the app's, which has none
    assert b"effnet_" not in found.get("/metrics")[2]


def test_engines_restart_one_by_one_and_nobody_notices(found: Deployed) -> None:
    seen = replicas.rolled(found, replicas.PATIENT)
    log = found.log.read_text(errors="replace")
    assert (seen.wrong, seen.again) == ([], 0), log[-4000:]


def test_an_app_and_an_engine_are_killed_and_nobody_loses_an_answer(found: Deployed) -> None:
    seen, seconds = replicas.endured(found, SESSIONS, BROWSERS)
    log = found.log.read_text(errors="replace")
    assert seen.wrong == [], log[-4000:]
    assert seconds < replicas.PATIENCE_S, seen.answered
    assert found.apps[1].poll() is found.engines[1].poll() is None


def test_the_image_is_made_of_what_the_wheel_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines and not kept & {".git", ".venv"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *(name.partition("/")[0] for name in wheel["force-include"])}
    needed |= {project["project"]["readme"], *project["project"]["license-files"]}
    container = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    needed |= set(re.findall(r"requirements\S*\.txt", container)) | {"pyproject.toml"}
    assert needed == kept


def test_compose_lets_an_engine_end_and_trusts_the_proxys_addresses() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", compose)
    assert int(grace) > NOTICE_S + MOST_SECONDS > MAX_ANSWER_SECONDS
    assert compose.count('FORWARDED_ALLOW_IPS: "*"') == 1  # of every replica, and an app's own
    assert compose.count("<<: *trusting") == compose.count("EFFNET_SERVICE:") == 1
    assert "8600:" not in compose  # whoever reaches an engine may say whom a question is from


def test_what_the_container_files_name_is_there(tmp_path: Path) -> None:
    folder = ROOT / "deploy"
    compose = (folder / "compose.yaml").read_text(encoding="utf-8")
    for port in ("8501", "8600"):
        assert port in (folder / "Containerfile").read_text(encoding="utf-8")
        assert port in compose
        assert f"-1:{port}" in replicas_caddyfile()
    for service in ("app-1", "app-2", "engine-1", "engine-2"):
        assert f"{service}:" in compose
