"""`effnet_core.images.samples`: the free pictures that scikit-image carries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from effnet_core.errors import InvalidInput
from effnet_core.images import decode, samples


def test_the_pictures_are_there_and_say_whose_they_are() -> None:
    offered = samples.sample_images()
    assert {"chelsea", "coffee", "rocket"} <= {sample.name for sample in offered}
    assert len({sample.name for sample in offered}) == len(offered)
    for sample in offered:
        assert sample.title and sample.subject and sample.credit and sample.alt.endswith(".")
        assert sample.licence in ("CC0 1.0", "public domain")
        assert min(decode(samples.load_sample(sample.name)).size) >= 300


def test_a_picture_that_is_not_installed_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "_folder", lambda: tmp_path)
    (tmp_path / "coffee.png").write_bytes(b"picture")
    assert [sample.name for sample in samples.sample_images()] == ["coffee"]
    assert samples.load_sample("coffee") == b"picture"
    with pytest.raises(InvalidInput, match="coffee"):
        samples.load_sample("chelsea")


def test_without_scikit_image_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(samples, "files", absent)
    assert samples.sample_images() == ()
    with pytest.raises(InvalidInput, match="none"):
        samples.load_sample("chelsea")


@pytest.mark.parametrize("name", ["../__init__.py", "chelsea.png", ""])
def test_only_the_offered_names_open_files(name: str) -> None:
    with pytest.raises(InvalidInput):
        samples.load_sample(name)


def test_listing_loads_no_image_library() -> None:
    code = (
        "import sys; from effnet_core.images.samples import sample_images; assert sample_images();"
        "print(sorted({'skimage.data', 'scipy', 'numpy', 'torch'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
