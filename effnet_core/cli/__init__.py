"""The command line: `effnet COMMAND …`, one module for each group of commands.

Exit code 0: done; 1: failed; 2: bad usage. Results go to standard output, as JSON with `--json`;
progress and the one sentence of an error go to standard error. With `--json` an error is also
`{"error": sentence}` on standard output.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from effnet_core import __version__
from effnet_core.cli import (
    build,
    classify,
    cost,
    explain,
    export,
    records,
    serve,
    weights,
)
from effnet_core.cli.common import Parser, print_json, say
from effnet_core.errors import EffnetError, InvalidInput

OK, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
TRACEBACK_VARIABLE = "EFFNET_TRACEBACK"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (default: the process's arguments) and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in given
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # the libraries' notes to programmers, unless asked for
                warnings.simplefilter("ignore")
            parsed = _parser().parse_args(given)
            code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except InvalidInput as error:
        return _fail(str(error), BAD_USAGE, as_json)
    except EffnetError as error:
        return _fail(str(error), FAILED, as_json)
    except KeyboardInterrupt:
        return _fail("Interrupted.", INTERRUPTED, as_json)
    except BrokenPipeError:
        # The reader (`effnet … | head`) has gone; without this Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # the last resort: people get a sentence
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        return _fail(_unexpected(error), FAILED, as_json)


def _parser() -> Parser:
    parser = Parser(
        prog="effnet",
        description="Build, price, run, explain and export any φ-scaled EfficientNet.",
        epilog="`effnet COMMAND --help` explains a command. Exit code 0: done, 1: failed, 2: bad "
        "usage.",
    )
    parser.add_argument("--version", action="version", version=f"effnet {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for module in (cost, build, export, weights, classify, explain, records, serve):
        module.register(commands)
    return parser


def _fail(sentence: str, code: int, as_json: bool) -> int:
    say(f"effnet: {sentence}")
    if as_json:
        print_json({"error": sentence})
    return code


def _unexpected(error: Exception) -> str:
    reason = " ".join(str(error).split())[:300] or "no message"
    return (
        f"Something went wrong that this program does not foresee ({type(error).__name__}: "
        f"{reason}); {TRACEBACK_VARIABLE}=1 shows where."
    )
