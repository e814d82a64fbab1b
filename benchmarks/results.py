"""The results as a file: rows by group, and what their times depend on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from effnet_core.engines.onnx.session import ENGINE_VERSION
from effnet_core.host import available_cores, processor

FILE = Path(__file__).parent / "results" / "latest.json"
PACKAGES = (
    *("torch", "torchvision", "timm", "onnxruntime", "openvino"),
    *("captum", "torchcam", "grad-cam", "fvcore", "numpy", "pillow", "streamlit"),
)

Machine = dict[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows measured together: when (UTC), under which load of the machine, in how many seconds.

    The loads are the system's averages over one minute, before and after; the runs are in the
    second.
    """

    name: str
    measured: str
    load_before: float
    load_after: float
    seconds: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Results:
    """Every group, and the machine and the packages that they were measured with."""

    machine: Machine
    versions: dict[str, str]
    groups: tuple[Group, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order of the groups."""
        return tuple(row for group in self.groups for row in group.rows)


def here(groups: Iterable[Group]) -> Results:
    """Groups measured on this machine, now."""
    return Results(machine=machine(), versions=versions(), groups=tuple(groups))


def merged(old: Results | None, new: Results, order: Sequence[str]) -> Results:
    """`new`, and the groups that it lacks from `old` where machine and versions are the same."""
    if old is None or (old.machine, old.versions) != (new.machine, new.versions):
        return new
    found = {group.name: group for group in (*old.groups, *new.groups)}
    return replace(new, groups=tuple(found[name] for name in order if name in found))


def to_json(results: Results) -> str:
    """Text of the file: `rows`, each with its group's name, and `settings`."""
    rows = [{"group": group.name, **asdict(row)} for group in results.groups for row in group.rows]
    groups = {}
    for group in results.groups:
        values = asdict(group)
        del values["name"], values["rows"]
        groups[group.name] = values
    settings = {"machine": results.machine, "versions": results.versions, "groups": groups}
    return json.dumps({"rows": rows, "settings": settings}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Results:
    """The inverse of `to_json`; raises ValueError for a file that another version wrote."""
    try:
        values = json.loads(text)
        settings = values["settings"]
        groups = tuple(
            Group(
                name=name,
                rows=tuple(_row(row) for row in values["rows"] if row["group"] == name),
                **about,
            )
            for name, about in settings["groups"].items()
        )
        return Results(machine=settings["machine"], versions=settings["versions"], groups=groups)
    except (KeyError, TypeError) as error:
        raise ValueError("The results have another form: run the whole benchmark.") from error


def machine() -> Machine:
    """What the times depend on beside the packages: processor, cores, threads, memory, system."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "threads": available_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The installed version of every package that is timed, or "not installed", and of our engine.

    So no group stays that was measured before graphs or sessions changed.
    """
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {"this project's engine": ENGINE_VERSION}


def now() -> str:
    """The time in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def _row(values: dict[str, Any]) -> Row:
    known = {field.name: values[field.name] for field in fields(Row)}
    pairs = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return Row(**known | pairs)
