"""The command line as a whole: help, errors, exit codes, imports; and the small commands."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from effnet_core import __version__
from effnet_core.cli import common, cost, program, serve
from effnet_core.cost.reconcile import reconcile
from effnet_core.errors import EffnetError

Effnet = Callable[..., Any]
COMMAND = (sys.executable, "-m", "effnet_core.cli")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def test_version_and_help_end_well() -> None:
    version = run("--version")
    assert (version.returncode, version.stdout.strip()) == (0, f"effnet {__version__}")
    text = run("--help")
    assert text.returncode == 0
    for name in (
        *("cost", "build", "export", "weights", "classify"),
        *("explain", "reconcile", "results", "app"),
    ):
        assert f"\n    {name}" in text.stdout


def test_console_script_is_the_same_command() -> None:
    script = Path(sys.executable).with_name("effnet")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"effnet {__version__}"


def test_pricing_imports_no_torch() -> None:
    code = (
        "import sys; from effnet_core.cli import main; main(['cost', '--phi', '1']); "
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("cost", "--what")])
def test_unknown_usage_exits_2_and_points_to_help(effnet: Effnet, arguments: tuple[str]) -> None:
    answer = effnet(*arguments)
    assert answer.code == 2
    assert "--help" in answer.err


def test_an_unforeseen_error_is_a_sentence(effnet: Effnet, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the wheels\ncame off")

    monkeypatch.setattr(cost, "analyze", fail)
    answer = effnet("cost", "--phi", "1", "--json")
    assert answer.code == 1
    assert "RuntimeError: the wheels came off" in answer.err
    assert answer.err.count("\n") == 1
    assert "RuntimeError" in answer.json["error"]
    monkeypatch.setenv(program.TRACEBACK_VARIABLE, "1")
    with pytest.raises(RuntimeError, match="the wheels"):
        effnet("cost", "--phi", "1")


def test_an_interrupt_is_no_traceback(effnet: Effnet, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cost, "analyze", interrupt)
    assert effnet("cost", "--phi", "1").code == 130


def test_a_reader_that_leaves_early_is_no_error_message() -> None:
    line = f"{' '.join(COMMAND)} cost --variant b7 --json | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_long_work_says_so_and_short_work_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with common.working("Short"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(common, "QUIET_SECONDS", 0.0)
    with common.working("Long"):
        common.time.sleep(0.05)
    assert capsys.readouterr().err.startswith("Long …\nLong: 0.")


def test_a_label_that_looks_like_a_number_stays_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    common.print_table(("Label", "Count"), [("1e5", 1234567), ("007", None)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[2:]] == [["1e5", "1,234,567"], ["007"]]


def test_reconcile(effnet: Effnet) -> None:
    result = effnet("reconcile", "b1", "--json").json
    found = reconcile("b1")
    assert result["variant"] == "b1"
    assert [axis["implied_phi"] for axis in result["axes"]] == [a.implied_phi for a in found.axes]
    assert result["published"]["params"] == 7_794_184
    text = effnet("reconcile", "b1").out
    assert "Implied φ" in text
    assert "7,794,184" in text
    assert effnet("reconcile", "l2").code == 0
    assert effnet("reconcile", "v2-s").code == 2


def test_reconcile_says_what_rounding_did_and_where_depth_jumps(effnet: Effnet) -> None:
    found = reconcile("b7")
    result = effnet("reconcile", "b7", "--json").json
    assert [tuple(stage.values()) for stage in result["stages"]] == [
        dataclasses.astuple(stage) for stage in found.stages
    ]
    assert [tuple(jump.values()) for jump in result["jumps"]] == [
        dataclasses.astuple(jump) for jump in found.jumps
    ]
    lines = [line.split() for line in effnet("reconcile", "b7").out.splitlines()]
    assert ["4", "160", "160", "9.3", "10"] in lines
    assert ["6.026", "48", "55", "45,477,208", "53,283,526"] in lines


def test_results_are_filtered_and_priced(effnet: Effnet) -> None:
    found = effnet("results", "--architecture", "b0", "--test-set", "imagenet", "--json").json
    assert found
    for result in found:
        assert (result["architecture"], result["test_set"]) == ("b0", "imagenet")
        assert result["source"]
    at_224 = [result for result in found if result["test_resolution"] == 224]
    assert {result["cost"]["mult_adds"] for result in at_224} == {385_814_752}
    text = effnet("results", "--architecture", "b0", "--test-set", "imagenet").out
    assert f"{len(found)} accuracies, published" in text
    assert effnet("results", "--test-set", "kittens").code == 2


def test_app_is_found_by_its_entry_point(effnet: Effnet, monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int | None] = []
    point = SimpleNamespace(load=lambda: lambda port: ports.append(port))
    monkeypatch.setattr(serve, "entry_points", lambda **_: [point])
    assert effnet("app", "--port", "8765").code == 0
    assert effnet("app").code == 0
    assert ports == [8765, None]

    def taken(port: int | None) -> None:
        raise EffnetError(f"Port {port} on 127.0.0.1 cannot be used.")

    monkeypatch.setattr(serve, "entry_points", lambda **_: [SimpleNamespace(load=lambda: taken)])
    assert effnet("app", "--port", "8765").code == 1
    monkeypatch.setattr(serve, "entry_points", lambda **_: [])
    assert "not installed" in effnet("app").err


def test_app_entry_point_is_installed() -> None:
    (point,) = serve.entry_points(group=serve.GROUP, name="app")
    assert point.value == "app.server:serve"
