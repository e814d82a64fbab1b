"""`effnet app`: the explorer in the browser.

The server lives above the core. It is found by its entry point, so that the core never imports it.
"""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points

from effnet_core.cli.common import Commands, add_command
from effnet_core.errors import EffnetError

GROUP = "effnet.commands"


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "app", _run, "Serve the explorer to the browser until stopped.")
    parser.add_argument("--port", type=int, metavar="N", help="instead of the one in the settings")


def _run(args: argparse.Namespace) -> int:
    found = tuple(entry_points(group=GROUP, name="app"))
    if not found:
        raise EffnetError(
            "The app is not installed here; install the whole effnet-explorer package."
        )
    found[0].load()(port=args.port)
    return 0
