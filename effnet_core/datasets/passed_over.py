"""What a source of photos holds that is not used, so that nothing vanishes without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

NAMED = 6
"""So many kinds, and so many folders, are named in a sentence."""


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """Files that are no pictures that are read, by kind, the most frequent first; and folders.

    A kind is the name of a form of pictures ("HEIC", "camera raw") or the ending of a file's name.
    `loose` photos lie in no class's folder. `encoding` is what the names were taken to be written
    in where nothing says it, "" where that is no guess.
    """

    kinds: tuple[tuple[str, int], ...] = ()
    folders: tuple[str, ...] = ()
    loose: int = 0
    encoding: str = ""

    @staticmethod
    def of(
        kinds: Iterable[str], folders: Iterable[str] = (), loose: int = 0, encoding: str = ""
    ) -> PassedOver:
        """Files of these kinds, counted, folders of these names, and so many photos."""
        counted = Counter(kinds)
        ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        return PassedOver(
            kinds=tuple(ordered), folders=tuple(folders), loose=loose, encoding=encoding
        )

    @property
    def files(self) -> int:
        """How many files."""
        return sum(count for _, count in self.kinds)

    @property
    def pictures(self) -> tuple[tuple[str, int], ...]:
        """The kinds that are pictures or films, in forms that are not read."""
        return tuple(one for one in self.kinds if not one[0].startswith((".", "without")))

    @property
    def in_words(self) -> str:
        """A few sentences; "" where all is used."""
        said = []
        if self.kinds:
            counts = [f"{kind} {count:,}" for kind, count in self.kinds]
            said.append(f"Files passed over, which are not read as pictures: {_some(counts)}.")
        if self.folders:
            shown = [repr(name[:60]) for name in self.folders]
            said.append(f"Folders left out: {_some(shown)}.")
        if self.loose:
            said.append(f"Photos left out, which lie in no class's folder: {self.loose:,}.")
        if self.pictures:
            said.append("Save such pictures as JPEG to use them.")
        if self.encoding:
            said.append(
                f"Nothing says how the zip's names are written: they were read as {self.encoding}, "
                "a guess. Where they look wrong, make the zip again with names in UTF-8."
            )
        return " ".join(said)

    def and_also(self, kinds: Iterable[str]) -> PassedOver:
        """The same with more files of these kinds."""
        before = (kind for kind, count in self.kinds for _ in range(count))
        return PassedOver.of((*before, *kinds), self.folders, self.loose, self.encoding)


def _some(texts: list[str]) -> str:
    more = len(texts) - NAMED
    return ", ".join(texts[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


NOTHING = PassedOver()
