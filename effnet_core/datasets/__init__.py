"""Labelled photos: from folders and zips, drawn by code, prepared once and held in memory.

`open_photos` gives a source's photos one by one, `PhotoSet` holds them in memory. `drawn`,
`listing`, `trees` and `zips` import without torch; what needs it is imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from effnet_core.datasets.drawn import drawn_zip

if TYPE_CHECKING:
    from effnet_core.datasets.photo_files import open_photos
    from effnet_core.datasets.photo_set import PhotoSet

__all__ = ["PhotoSet", "drawn_zip", "open_photos"]


def __getattr__(name: str) -> object:
    """Load what needs torch on first use."""
    if name == "PhotoSet":
        from effnet_core.datasets.photo_set import PhotoSet

        return PhotoSet
    if name == "open_photos":
        from effnet_core.datasets.photo_files import open_photos

        return open_photos
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
