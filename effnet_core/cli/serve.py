"""`effnet app`: the explorer in the browser; `effnet serve`: an engine that answers for apps.

The app's server lives above the core. It is found by its entry point, so that the core never
imports it.
"""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points

from effnet_core.cli.common import Commands, add_command
from effnet_core.cli.common import device as device_name
from effnet_core.errors import EffnetError

GROUP = "effnet.commands"


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = add_command(commands, "app", _run, "Serve the explorer to the browser until stopped.")
    parser.add_argument("--port", type=int, metavar="N", help="instead of the one in the settings")
    parser = add_command(commands, "serve", _serve, "Answer for apps elsewhere until stopped.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [127.0.0.1]")
    parser.add_argument("--port", type=int, default=8600, metavar="N", help="port [8600]")
    parser.add_argument(
        "--device", type=device_name, default="auto", help="auto, cpu, cuda or cuda:N [auto]"
    )


def _run(args: argparse.Namespace) -> int:
    found = tuple(entry_points(group=GROUP, name="app"))
    if not found:
        raise EffnetError(
            "The app is not installed here; install the whole effnet-explorer package."
        )
    found[0].load()(port=args.port)
    return 0


def _serve(args: argparse.Namespace) -> int:
    try:
        import prometheus_client  # noqa: F401 - both are missing together, as a rule

        from effnet_core.service.remote.engine import serve
    except ModuleNotFoundError as error:
        if error.name not in ("litserve", "prometheus_client"):
            raise
        raise EffnetError(
            "The serving engine is not installed here: pip install 'effnet-explorer[serve]'."
        ) from error
    serve(args.host, args.port, args.device)
    return 0
