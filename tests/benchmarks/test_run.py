"""The run: one group or all, what cannot be measured, and the pages that show it."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from benchmarks import report, results, run
from benchmarks.results import Group, Results
from benchmarks.rows import Row

ROW = Row(name="pass", peer_name="timm", ours=1.0, peer=4.0, ratio=0.25, target=0.5, met=True)


def test_every_group_has_rows_and_a_title() -> None:
    assert set(report.TITLES) == set(run.GROUPS)
    for name in run.GROUPS:
        assert callable(importlib.import_module(f"benchmarks.{name}").rows)


def test_a_group_that_cannot_run_is_a_row_that_says_why() -> None:
    def fail() -> tuple[Row, ...]:
        raise RuntimeError("Chromium was not found.\nMore.")

    group = run.measure("browser", fail)
    (row,) = group.rows
    assert (row.name, row.note, row.met) == ("browser", "browser: Chromium was not found.", None)


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_a_benchmark_leaves_the_users_cache_alone(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is None:
        monkeypatch.delenv("EFFNET_CACHE", raising=False)
    else:
        monkeypatch.setenv("EFFNET_CACHE", before)
    with run.cache_apart():
        apart = Path(os.environ["EFFNET_CACHE"])
        assert apart.is_dir() and apart != Path("/somewhere")
    assert os.environ.get("EFFNET_CACHE") == before
    assert not apart.exists()


def test_a_run_measures_what_is_asked_for_and_writes_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(report, "IN_README", ((ROW.name, ROW.peer_name),))

    def rows_of(group: str, *, with_compile: bool) -> tuple[Row, ...]:
        asked.append(group)
        return (ROW,)

    monkeypatch.setattr(run, "rows_of", rows_of)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    for module, name, path in (
        (results, "FILE", tmp_path / "results" / "latest.json"),
        (report, "README", tmp_path / "README.md"),
        (report, "PAGE", tmp_path / "benchmarks.md"),
    ):
        monkeypatch.setattr(module, name, path)
    (tmp_path / "README.md").write_text(f"A\n{report.BEGIN}\nold\n{report.END}\nB\n")
    assert run.main(["--only", "maps", "--write"]) == 0
    assert run.main(["--only", "costs"]) == 0  # printed, and not written
    assert asked == ["maps", "costs"]
    assert "1 of 1 targets met." in capsys.readouterr().out
    written = results.from_json((tmp_path / "results" / "latest.json").read_text())
    assert [group.name for group in written.groups] == ["maps"]
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("A\n") and readme.endswith("B\n") and "old" not in readme
    assert "| pass | 1 ms | timm | 4 ms | 4× faster | ≥ 2× faster | met |" in readme
    assert "## Maps" in (tmp_path / "benchmarks.md").read_text()


def test_readme_shows_the_chosen_rows_and_the_page_all(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Row(name="plain", peer_name="timm", ours=1.0, peer=4.0, ratio=0.25)
    found = Results(
        machine=results.machine(),
        versions={"timm": "1.0"},
        groups=(
            Group(
                name="maps",
                measured="2020-01-02 03:04",
                load_before=0.1,
                load_after=2.0,
                seconds=9.0,
                rows=(ROW, plain),
            ),
        ),
    )
    monkeypatch.setattr(report, "IN_README", ((ROW.name, ROW.peer_name),))
    text = report.readme(f"{report.BEGIN}\n{report.END}", found)
    assert "Measured 2020-01-02 on" in text and "| pass |" in text and "plain" not in text
    assert "| plain |" in report.page(found) and "timm 1.0" in report.page(found)
    with pytest.raises(ValueError, match="marks"):
        report.readme("no marks", found)


def test_committed_pages_are_what_the_committed_results_say() -> None:
    found = results.from_json(results.FILE.read_text(encoding="utf-8"))
    text = report.README.read_text(encoding="utf-8")
    assert text == report.readme(text, found), "run `python -m benchmarks.report`"
    assert report.PAGE.read_text(encoding="utf-8") == report.page(found)
    assert {group.name for group in found.groups} == set(run.GROUPS)
    measured = {(row.name, row.peer_name) for row in found.rows}
    assert set(report.IN_README) <= measured and len(report.IN_README) == 10
