"""The file of results: what it holds, that it is read back, and what a part of a run keeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.results import Group, Results, from_json, machine, merged, to_json, versions
from benchmarks.rows import Row, unmeasured

ROW = Row(
    name="pass",
    peer_name="timm",
    ours=1.0,
    peer=2.0,
    ours_quartiles=(0.9, 1.1),
    ratio=0.5,
    target=0.4,
    met=False,
)


def group(name: str, *rows: Row, measured: str = "2020-01-02 03:04") -> Group:
    return Group(
        name=name, measured=measured, load_before=0.1, load_after=2.0, seconds=9.0, rows=rows
    )


RESULTS = Results(
    machine={"processor": "one", "cores": 2},
    versions={"timm": "1.0"},
    groups=(group("forward", ROW, replace(ROW, peer_name="other")), group("maps", ROW)),
)


def test_rows_and_settings_in_json() -> None:
    values = json.loads(to_json(RESULTS))
    assert {"name", "ours", "peer", "ratio", "target", "met"} <= set(values["rows"][0])
    assert [row["group"] for row in values["rows"]] == ["forward", "forward", "maps"]
    assert values["rows"][0]["met"] is False
    assert values["settings"]["versions"] == {"timm": "1.0"}
    assert values["settings"]["groups"]["maps"]["measured"] == "2020-01-02 03:04"


def test_json_is_read_back() -> None:
    results = replace(RESULTS, groups=(*RESULTS.groups, group("browser", unmeasured("a", "why"))))
    assert from_json(to_json(results)) == results


@pytest.mark.parametrize("text", ['{"rows": []}', '{"rows": [{}], "settings": {}}', "{"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_a_part_of_a_run_keeps_the_other_groups_of_this_machine() -> None:
    order = ("forward", "maps", "browser")
    again = group("maps", replace(ROW, ours=9.0), measured="2021-01-02 03:04")
    new = replace(RESULTS, groups=(group("browser", ROW), again))
    found = merged(RESULTS, new, order)
    assert [each.name for each in found.groups] == list(order)
    assert found.groups[1] == again
    elsewhere = replace(new, machine={"processor": "another", "cores": 2})
    assert merged(RESULTS, elsewhere, order) == elsewhere
    later = replace(new, versions={"timm": "1.1"})
    assert merged(RESULTS, later, order) == later
    assert merged(None, new, order) == new


def test_settings_say_what_times_depend_on() -> None:
    assert set(machine()) == {"processor", "cores", "threads", "memory_gib", "system", "python"}
    assert {"torch", "timm", "openvino", "captum", "fvcore"} <= set(versions())
