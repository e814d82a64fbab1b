"""Every package that the code imports, also inside functions, is one that pyproject asks for.

The wheel's test lends the whole development environment, where an undeclared package would be
found because some other tool needs it.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OWN = {"effnet_core", "app"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(lines: list[str]) -> set[str]:
    """Return what packages requirement lines ask for."""
    return {canonicalize_name(Requirement(line).name) for line in lines}


DECLARED = names(PROJECT["dependencies"])
OF_THE_SEARCH = frozenset(names(PROJECT["optional-dependencies"]["search"]))
MAY_SEARCH = ("effnet_core/search/", "effnet_core/cli/search.py")
OF_THE_ENGINE = frozenset(names(PROJECT["optional-dependencies"]["serve"]))
MAY_SERVE = ("effnet_core/service/remote/", "effnet_core/cli/serve.py")

DISTRIBUTIONS = packages_distributions()


def imported(source: str) -> Iterator[str]:
    """Yield the top-level name of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def undeclared(source: str, also: frozenset[str] = frozenset()) -> set[str]:
    """Return the imports that neither Python, this project nor a declared dependency brings."""
    allowed = DECLARED | also
    others = set(imported(source)) - sys.stdlib_module_names - OWN
    return {
        name
        for name in others
        if not allowed & set(map(canonicalize_name, DISTRIBUTIONS.get(name, ())))
    }


@pytest.mark.parametrize("package", sorted(OWN))
def test_every_import_is_a_declared_dependency(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert len(files) > 10
    found = {}
    for file in files:
        place = file.relative_to(ROOT).as_posix()
        also = OF_THE_SEARCH if place.startswith(MAY_SEARCH) else frozenset()
        also |= OF_THE_ENGINE if place.startswith(MAY_SERVE) else frozenset()
        found[place] = undeclared(file.read_text(encoding="utf-8"), also)
    assert {place: lacking for place, lacking in found.items() if lacking} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os, numpy.linalg\nfrom PIL import Image\nfrom . import beside", set()),
        ("def late():\n    import pytest", {"pytest"}),
        ("if True:\n    from hypothesis.strategies import text", {"hypothesis"}),
        ("import nowhere_to_be_found", {"nowhere_to_be_found"}),
    ],
)
def test_an_undeclared_import_is_noticed(source: str, found: set[str]) -> None:
    assert undeclared(source) == found
