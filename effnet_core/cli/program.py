"""The program behind `effnet`: the parser of all commands, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import warnings

from effnet_core import __version__
from effnet_core.cli import (
    budget,
    build,
    calibrate,
    classify,
    cost,
    data,
    evaluate,
    explain,
    export,
    family,
    inspect,
    probe,
    results,
    search,
    serve,
    train,
    weights,
)
from effnet_core.cli.common import Parser
from effnet_core.cli.streams import accept_any_text, fail, flush_output, output_is_lost
from effnet_core.errors import EffnetError, InvalidInput

FAILED, BAD_USAGE = 1, 2
TRACEBACK_VARIABLE = "EFFNET_TRACEBACK"


def run(given: list[str]) -> int:
    """Run one command and return its exit code; every error but Ctrl-C is a sentence here."""
    accept_any_text()
    as_json = "--json" in given
    try:
        return _run(given)
    except InvalidInput as error:
        return fail(str(error), BAD_USAGE, as_json=as_json)
    except EffnetError as error:
        return fail(str(error), FAILED, as_json=as_json)
    except Exception as error:  # the last resort: people get a sentence
        if isinstance(error, OSError) and output_is_lost():
            return _without_output(error)
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        return fail(_unexpected(error), FAILED, as_json=as_json)


def _run(given: list[str]) -> int:
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # the libraries' notes to programmers, unless asked for
                warnings.simplefilter("ignore")
            parsed = _parser().parse_args(given)
            code: int = parsed.run(parsed)
            return code
    finally:  # also where argparse leaves by itself, after --help
        flush_output()


def _parser() -> Parser:
    parser = Parser(
        prog="effnet",
        description="Build, price, run, explain and export any φ-scaled EfficientNet.",
        epilog="`effnet COMMAND --help` explains a command. Exit code 0: done, 1: failed, 2: bad "
        "usage.",
    )
    parser.add_argument("--version", action="version", version=f"effnet {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    modules = (
        cost,
        budget,
        calibrate,
        build,
        export,
        weights,
        inspect,
        classify,
        explain,
        probe,
        results,
        data,
        evaluate,
        train,
        family,
        search,
        serve,
    )
    for module in modules:
        module.register(commands)
    return parser


def _without_output(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):  # the reader has gone, as in `effnet … | head`
        return FAILED
    return fail(f"Standard output cannot be written ({error.strerror}).", FAILED, as_json=False)


def _unexpected(error: Exception) -> str:
    reason = " ".join(str(error).split())[:300] or "no message"
    return (
        f"Something went wrong that this program does not foresee ({type(error).__name__}: "
        f"{reason}); {TRACEBACK_VARIABLE}=1 shows where."
    )
