"""Standard output and standard error: any text can be printed, and a lost reader is no traceback.

This module imports little, so that a command can be interrupted while the others are imported.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress
from typing import TextIO


def accept_any_text() -> None:
    r"""Let both streams print what their encoding lacks, as `\udcff`: file names hold any bytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: object) -> None:
    """Print JSON to standard output; numbers that JSON lacks are an error."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # JSON's own escapes, which every reader of JSON undoes
        text = json.dumps(value, indent=1, allow_nan=False)
    print(text)


def say(text: str) -> None:
    """Print a line on standard error: progress, or the sentence of an error.

    A standard error that cannot be written is left alone: the work goes on.
    """
    if sys.stderr is None:  # closed by the caller; print would turn to standard output instead
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def warn(sentence: str) -> None:
    """Say on standard error what the user should know of a result that is given all the same."""
    say(f"effnet: warning: {sentence}")


def fail(sentence: str, code: int, *, as_json: bool) -> int:
    """Say the sentence of an error, on standard output as JSON too if asked; returns `code`."""
    say(f"effnet: {sentence}")
    if as_json:
        try:
            print_json({"error": sentence})
            flush_output()
        except OSError:  # the sentence stands on standard error
            output_is_lost()
    return code


def flush_output() -> None:
    """Write out what was printed; raises OSError where standard output takes no more."""
    if sys.stdout is not None:
        sys.stdout.flush()


def output_is_lost() -> bool:
    """Whether standard output takes no more, found by writing an empty line to it.

    What was not written is then let go, where Python would try it once more when it exits.
    """
    if sys.stdout is None:
        return False
    try:
        print(flush=True)
    except OSError:
        _discard(sys.stdout)
        return True
    return False


def _discard(stream: TextIO) -> None:
    """Let a lost stream lead nowhere."""
    with suppress(OSError):  # a stream without a descriptor, such as a test's
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
