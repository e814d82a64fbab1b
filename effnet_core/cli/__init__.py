"""The command line: `effnet COMMAND …`, one module for each group of commands.

Exit code 0: done; 1: failed; 2: bad usage; 130: interrupted. Results go to standard output, as JSON
with `--json`; progress and the one sentence of an error go to standard error. With `--json` an
error is also `{"error": sentence}` on standard output.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command (default: the process's arguments) and return its exit code.

    All that takes time to import is imported inside the `try`: Ctrl-C is no traceback then either.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        from effnet_core.cli.program import run

        return run(given)
    except KeyboardInterrupt:
        from effnet_core.cli.streams import fail

        return fail("Interrupted.", INTERRUPTED, as_json="--json" in given)
