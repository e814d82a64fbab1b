"""What every command shares: the parser, printing, progress."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from tabulate import tabulate
from tqdm import tqdm

from effnet_core.cli.streams import say
from effnet_core.cost.report import element_bytes
from effnet_core.errors import EffnetError, InvalidInput

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""Where commands are added: what `Parser.add_subparsers` returns."""

DEVICE = r"auto|cpu|cuda(:\d{1,3})?"
"""What network.build.resolve_device reads, which needs torch; a test holds them equal."""

QUIET_SECONDS = 1.0
"""Work that takes longer says so on standard error."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises InvalidInput with one sentence and takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise InvalidInput where argparse would print its usage and leave."""
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> Parser:
    """Add a command that `run` carries out, with `--json`."""
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device` and `--dtype`."""
    parser.add_argument(
        "--device",
        type=device,
        default="auto",
        help="auto (CUDA where present), cpu, cuda or cuda:N [auto]",
    )
    add_dtype(parser)


def add_dtype(parser: argparse.ArgumentParser) -> None:
    """Add `--dtype`."""
    parser.add_argument(
        "--dtype",
        type=dtype,
        default="float32",
        help="float32, float16, bfloat16 or float64 [float32]",
    )


def device(text: str) -> str:
    """The name of a device, for argparse; whether this machine has it, only torch can say."""
    if not re.fullmatch(DEVICE, text):
        raise argparse.ArgumentTypeError(f"device must be auto, cpu, cuda or cuda:N; got {text!r}")
    return text


def dtype(text: str) -> str:
    """The name of a dtype that is offered, for argparse."""
    try:
        element_bytes(text)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error
    return text


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a whole number of at least 1")
    return number


def seed(text: str) -> int:
    """A whole number that seeds torch's generator, for argparse."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"{number} is not a whole number from 0 to 2^63 - 1")
    return number


# argparse names the type in its message: "invalid whole number value: 'x'".
positive.__name__ = seed.__name__ = "whole number"


def output_path(text: str, ending: str) -> Path:
    """The path of a file to be written; raises InvalidInput for what cannot be one."""
    path = Path(text)
    if path.suffix.lower() != ending:
        raise InvalidInput(f"The output must be a {ending} file; got {path.name!r:.120}.")
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise InvalidInput(
            f"{text[:120]!r} cannot be written ({error.strerror}); give another name."
        ) from None
    if is_folder:
        raise InvalidInput(f"{path} is a folder; give the name of a file.")
    _require_writable(path)
    return path


def output_paths(args: argparse.Namespace, **endings: str) -> tuple[Path | None, ...]:
    """The paths given by the options named, each with its ending; None for one not given."""
    given = ((getattr(args, name), ending) for name, ending in endings.items())
    return tuple(None if text is None else output_path(text, ending) for text, ending in given)


def _require_writable(path: Path) -> None:
    """Put a nameless file where `path` will be; folders that are missing are made later."""
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise EffnetError(f"{path} cannot be written ({error.strerror}: {folder}).") from error


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns of numbers stand to the right, with thousands separators."""
    columns = zip(*rows, strict=True)
    numeric = (any(isinstance(cell, int | float) for cell in column) for column in columns)
    sides = ["right" if right else "left" for right in numeric]
    texts = [[_text(cell) for cell in row] for row in rows]
    # Text that happens to look like a number (a label, a file's name) is left alone.
    print(tabulate(texts, headers, tablefmt="simple", disable_numparse=True, colalign=sides))


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Say `text` on standard error if the block takes over a second, and how long it took."""
    start = time.monotonic()
    notice = threading.Timer(QUIET_SECONDS, say, (f"{text} …",))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
    seconds = time.monotonic() - start
    if seconds > QUIET_SECONDS:
        say(f"{text}: {seconds:.1f} s")


@contextmanager
def progress_bar(title: str, unit: str = "photo") -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, moved by calls with (done, total); bytes have unit "B"."""
    with tqdm(desc=title, unit=unit, unit_scale=unit == "B", delay=QUIET_SECONDS) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
