"""Pictures in colours wider than sRGB, whose numbers mean other colours than networks learned."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageCms

WIDER = 1.05
"""A profile is wide whose primaries span so many times the area of sRGB's, in CIE 1931 x, y.

Display P3 and Adobe RGB span 1.36 and 1.35 times as much; the many profiles of sRGB itself differ
by less than a hundredth.
"""

_MOST_BYTES = 2**22
_MODES = ("RGB", "RGBA", "RGBX", "P")

Corner = tuple[float, float]


def wide_profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The profile that a picture's colours are given in, if it is wider than sRGB.

    None as well for profiles that are damaged, or do not give their primaries.
    """
    data = image.info.get("icc_profile")
    if image.mode not in _MODES or not isinstance(data, bytes) or not 128 < len(data) < _MOST_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        wide = _area(profile.profile) > WIDER * _area(_srgb())
    except Exception:  # noqa: BLE001 - on damaged profiles Pillow raises several unrelated types
        return None
    return profile if wide else None


def to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> tuple[Image.Image, str]:
    """An RGB picture converted to sRGB (relative colorimetric), and a sentence that says so.

    A profile that cannot be used changes nothing.
    """
    try:
        converted = ImageCms.profileToProfile(
            image,
            profile,
            _srgb(),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        name = ImageCms.getProfileDescription(profile)
    except Exception:  # noqa: BLE001 - as above
        return image, ""
    shown = " ".join("".join(c for c in name if c.isprintable()).split())[:40] or "a wide profile"
    return converted or image, f"Its colours were converted from {shown} to sRGB."


@cache
def _srgb() -> ImageCms.core.CmsProfile:
    return ImageCms.createProfile("sRGB")


def _area(profile: ImageCms.core.CmsProfile) -> float:
    """The area that the primaries span; raises TypeError where the profile does not give them."""
    red, green, blue = (
        _place(getattr(profile, f"{name}_colorant")[0]) for name in ("red", "green", "blue")
    )
    across, down = zip(*((one[0] - red[0], one[1] - red[1]) for one in (green, blue)), strict=True)
    return abs(across[0] * down[1] - across[1] * down[0]) / 2


def _place(tristimulus: tuple[float, float, float]) -> Corner:
    """x and y of X, Y, Z."""
    total = sum(tristimulus)
    return tristimulus[0] / total, tristimulus[1] / total
