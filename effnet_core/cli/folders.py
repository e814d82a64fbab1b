"""The option that says what a source's folders are, and what is said of what it holds besides."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import get_args

from effnet_core.cli.streams import warn
from effnet_core.datasets.passed_over import PassedOver
from effnet_core.datasets.splits import AmbiguousFolders, FoldersAre

NAMED = 10
"""So many unreadable files are named on standard error."""


def add_folders(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the option."""
    parser.add_argument(
        "--folders",
        choices=get_args(FoldersAre),
        help="what the folders at the top are, where their names leave it open",
    )


@contextmanager
def answered_by_option() -> Iterator[None]:
    """Name the option to whoever has to say what the folders are."""
    try:
        yield
    except AmbiguousFolders as error:
        question = str(error).removesuffix(".")
        raise AmbiguousFolders(f"{question}, by --folders splits or --folders classes.") from None


def warn_of_passed_over(found: PassedOver) -> None:
    """Say which files and folders of a source were not used."""
    if found.in_words:
        warn(found.in_words)


def warn_of_unreadable(unreadable: Iterable[tuple[str, str]], names_all: str) -> None:
    """Say which photos could not be read and why; of many, how many there are for each reason."""
    unreadable = tuple(unreadable)
    for name, reason in unreadable[:NAMED]:
        warn(f"{name} was left out: {reason}")
    more = len(unreadable) - NAMED
    if more > 0:
        for reason, count in Counter(reason for _, reason in unreadable).most_common(NAMED):
            warn(f"Of all that could not be read, {count:,}: {reason}")
        warn(f"{more:,} more files were left out; {names_all} names them all.")
