"""Attribution methods on the command line: their parameters from texts, and the help on them."""

from __future__ import annotations

import textwrap

from effnet_core.attribution.parameters import Value
from effnet_core.attribution.registry import METHODS, Method
from effnet_core.errors import InvalidInput


def parameters(method: Method, given: list[str]) -> tuple[tuple[str, Value], ...]:
    """Every parameter with its value, from "name=value" texts; raises InvalidInput."""
    declared = {parameter.name: parameter for parameter in method.parameters}
    pairs: list[tuple[str, Value]] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--set takes name=value; got {text!r:.60}.")
        pairs.append((name, declared[name].parse(value) if name in declared else value))
    return method.values(pairs)


def methods_help() -> str:
    """Every method and its parameters, for the end of a command's help."""
    lines = ["methods and their parameters (--set name=value):"]
    for method in METHODS:
        lines.append(f"  {method.id:<30}{method.title}")
        lines += textwrap.wrap(method.note, 88, initial_indent=" " * 4, subsequent_indent=" " * 4)
        lines += [
            f"    {parameter.name:<20}{parameter.range_words} [{parameter.default}]"
            for parameter in method.parameters
        ]
    return "\n".join(lines)
