"""Where answers come from is one setting, and nothing else of the app knows it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app import resources
from effnet_core.service.remote.client import RemoteService
from tests.app.reading import healthy, opened


@pytest.fixture(autouse=True)
def no_service() -> Iterator[None]:
    resources.shared_service.clear()
    yield
    resources.shared_service.clear()


def test_an_address_makes_the_app_ask_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFNET_SERVICE", "http://127.0.0.1:8600")
    assert isinstance(resources.service(), RemoteService)


def test_without_one_it_answers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EFFNET_SERVICE", raising=False)
    assert not isinstance(resources.service(), RemoteService)


def test_a_download_is_nobody_s_in_particular() -> None:
    resources.downloads.clear()
    healthy(opened("from app import resources; resources.downloads()"))
    fetch: Any = resources.downloads()._fetch
    assert fetch.__self__ is resources.shared_service()


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1"])
def test_what_is_not_needed_is_not_imported(address: str) -> None:
    script = (
        "import sys; from app import resources; resources.shared_service();"
        "remote = 'effnet_core.service.remote';"
        "print(*({'torch', 'litserve', 'fastapi', remote} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "", "EFFNET_SERVICE": address, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == (["effnet_core.service.remote"] if address else [])
