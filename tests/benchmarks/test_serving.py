"""The server that a benchmark starts: the command a person gives, and none of it left behind."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from benchmarks.serving import ROOT, by_make, serving

# As make does, it ends once its child has, of which nothing is left then.
CHILD = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
"""


def test_make_app_is_what_the_makefile_serves_with() -> None:
    command = by_make(8502)
    assert command[0] == "make" and command[-2:] == ["app", "PORT=8502"]
    makefile = (Path(command[2]) / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^app: setup-app", makefile, re.MULTILINE)
    assert Path(command[2]) == ROOT


def test_what_the_command_started_ends_with_it() -> None:
    with serving(lambda port: [sys.executable, "-c", CHILD]) as server:
        group = server.process.pid
        children = Path(f"/proc/{group}/task/{group}/children")
        while not children.read_text(encoding="ascii"):
            time.sleep(0.01)
        child = int(children.read_text(encoding="ascii"))
        assert os.getpgid(child) == group
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
