"""What runs are called: for people on one line, and as the name of a folder."""

from __future__ import annotations

import re
import secrets
import unicodedata

from effnet_core.limits import MAX_RUN_NAME

RUN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,39}[a-z0-9])?-[a-z2-7]{6}")

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def cleaned(name: str) -> str:
    """The name on one line, at most MAX_RUN_NAME characters; "Run" where nothing is left.

    The dot between the words of other models' names is taken out: no run is mistaken for them.
    """
    name = name.replace("·", "-")
    plain = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in name)
    return " ".join(plain.split())[:MAX_RUN_NAME].strip() or "Run"


def unused(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it a new one; case does not tell apart."""
    known = {other.casefold() for other in taken}
    number, found = 1, name
    while found.casefold() in known:
        number += 1
        found = f"{name[: MAX_RUN_NAME - 5]} {number}"
    return found


def new_id(name: str) -> str:
    """An id that is never given twice: the name as ASCII, and letters drawn by lot."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30].strip("-") or "run"
    return f"{stem}-{''.join(secrets.choice(_LETTERS) for _ in range(6))}"
