"""Write timm's default preprocessing of every EfficientNet that this project knows as a data file.

Usage: python scripts/preprocessing_from_timm.py

One row per name that timm has weights or settings under: the plain name, which means its default
tag, and each name with a tag. Resolution and crop are those that timm tests at. A test proves that
the committed file equals what the installed timm says.
"""

from __future__ import annotations

from timm.data import resolve_data_config
from timm.models import get_pretrained_cfg, list_models

from effnet_core.architecture.names import canonical_name
from effnet_core.data.tables import TIMM_FILE, Row, write
from effnet_core.errors import InvalidInput
from effnet_core.weights.published_preprocessing import TIMM_COLUMNS


def table() -> list[Row]:
    """The rows of the file, by name."""
    plain = list_models("*efficientnet*")
    tagged = list_models("*efficientnet*", pretrained=True, include_tags=True)
    names = sorted({*plain, *tagged})
    return [_row(name) for name in names if _is_built(name.partition(".")[0])]


def _row(name: str) -> Row:
    settings = get_pretrained_cfg(name, allow_unregistered=False)
    assert settings is not None
    config = resolve_data_config({}, pretrained_cfg=settings.to_dict(), use_test_size=True)
    return {
        "name": name,
        "resolution": str(config["input_size"][-1]),
        "crop_pct": str(config["crop_pct"]),
        "crop_mode": config["crop_mode"],
        "interpolation": config["interpolation"],
        "mean": " ".join(map(str, config["mean"])),
        "std": " ".join(map(str, config["std"])),
    }


def _is_built(name: str) -> bool:
    """Whether it is one of this project's networks; told without the file that is written here."""
    try:
        canonical_name(name)
    except InvalidInput:
        return False
    return True


if __name__ == "__main__":
    rows = table()
    write(TIMM_FILE, TIMM_COLUMNS, rows)
    print(f"{len(rows)} names")
