"""How large a map's range is when the network knows nothing: the yardstick for weak maps.

The reference is the same architecture with the reference initialisation (seed 0) and batch-norm
statistics measured on the inputs that the method shows it. Without that last step it would be no
yardstick: freshly initialised batch-norm (mean 0, variance 1) normalises nothing in evaluation and
every layer shrinks its input, so the last stage's Grad-CAM range comes out 18,000 times smaller in
B0 and 8,000 times in B4 (measured at 224 pixels). Trained networks carry statistics that give each
channel variance 1 on the pictures they are shown, and so does the reference. Pixel methods show
altered pictures (noisy, covered, dark), so those are measured for them.

Its input is standard normal noise of the picture's size, its class is 0: neither the picture nor
the class is read, so one reference serves them all and costs its passes once for each
architecture, method, stage, parameters and input size.
Measured with V2-B0 at 224 pixels: on eight photographs, with three others for the statistics, the
last stage's range is 0.4 to 2.5 times that on noise (all stages: 0.06 to 5), and eight other
classes give 0.7 to 1.0 times (all stages: 0.5 to 1.3), within the factor of 20 that makes a map
weak. The trained network's top class has at least 9 times the reference's range on 40 photographs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from cachetools import FIFOCache

from effnet_core import files
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution.maps import MapRequest, last_stage, raw_map, raw_maps_of_all_stages
from effnet_core.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from effnet_core.network.model import EfficientNet

SEED, CLASS = 0, 0
STATISTICS_IMAGES = 4
MAX_REMEMBERED = 4096
VERSION = 1
"""Counts up with every change of what is measured: ranges kept on disk are then used no more."""

_Key = tuple[ArchitectureSpec, MapRequest, tuple[int, int]]


@dataclass(frozen=True)
class Reference:
    """Whose map's range is asked for; calling it is `reference_range`."""

    spec: ArchitectureSpec
    request: MapRequest
    size: tuple[int, int]
    device: str = "cpu"

    def __call__(self) -> float:
        """The range, measured where nobody has done so on this machine; raises DoesNotFit."""
        return reference_range(self.spec, self.request, self.size, self.device)

    @property
    def is_known(self) -> bool:
        """Whether it has been measured on this machine, so that it costs nothing."""
        key = self.spec, self.request, self.size
        return key in _ranges or _path(key).exists()


_ranges: FIFOCache[_Key, float] = FIFOCache(MAX_REMEMBERED)
_lock = threading.Lock()


def reference_range(
    spec: ArchitectureSpec, request: MapRequest, size: tuple[int, int], device: str = "cpu"
) -> float:
    """Range (largest minus smallest value) of the random-weights network's map.

    `size` is the input's (H, W). Remembered, in memory and in the user's cache folder; a cold one
    is computed by torch, once however many ask, an inner stage's together with those of all other
    stages, which costs little more. Raises DoesNotFit if the second network does not fit on
    `device`.
    """
    key = spec, request, size
    if key not in _ranges:
        with _lock:
            if key not in _ranges:
                _recall(key, device)
    return _ranges[key]


def _recall(key: _Key, device: str) -> None:
    """Remember what was measured on this machine before, or else what is measured now."""
    try:
        _ranges[key] = files.conform(files.read_json(_path(key))["extent"], float)
    except (OSError, ValueError, TypeError, LookupError):
        for measured, extent in _measure(key, device):
            _ranges[measured] = extent
            with contextlib.suppress(WeightsError):  # it is measured again next time
                files.write_json(_path(measured), {"extent": extent})


def _path(key: _Key) -> Path:
    spec, request, size = key
    parts = [VERSION, spec.to_json(), request.method, request.stage]
    parts += [request.values, request.black, size]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return files.cache_folder() / "reference-ranges" / f"{digest}.json"


def _measure(key: _Key, device: str) -> Iterator[tuple[_Key, float]]:
    """The ranges that one reference network gives: a key's, or those of all stages."""
    from effnet_core.engines.torch import EagerEngine

    spec, request, size = key
    network, noise = _with_statistics(spec, request, size, device)
    engine = EagerEngine(network)
    if request.stage is None or request.stage == last_stage(spec):
        yield key, _extent(raw_map(engine, noise, request, CLASS))
        return
    maps = raw_maps_of_all_stages(engine, noise, request.method, CLASS)
    for stage, values in enumerate(maps):
        yield (spec, replace(request, stage=stage), size), _extent(values)


def fill_norm_statistics(network: EfficientNet, inputs: Tensor) -> None:
    """Set each batch-norm's statistics to those of its input when `inputs` pass, in place.

    Only batch-norm goes to training mode, so neither dropout nor stochastic depth acts.
    """
    import torch

    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.inference_mode(False), torch.no_grad():
        network(inputs)
    network.eval()


def _with_statistics(
    spec: ArchitectureSpec, request: MapRequest, size: tuple[int, int], device: str
) -> tuple[EfficientNet, Tensor]:
    """The reference network on `device` and the noise image (1, 3, H, W) to attribute."""
    import torch

    from effnet_core.attribution.pixels import shown_inputs
    from effnet_core.network.build import build

    at_size = replace(spec, resolution=max(size))  # what the memory check reads
    network = build(at_size, seed=SEED, batch=STATISTICS_IMAGES)  # the same on every device
    generator = torch.Generator().manual_seed(SEED)
    shown = torch.randn((STATISTICS_IMAGES, spec.in_channels, *size), generator=generator)
    noise = shown[:1]
    if request.stage is None:
        shown = shown_inputs(
            noise, request.method, dict(request.values), request.black_pixel, STATISTICS_IMAGES
        )
    fill_norm_statistics(network.to(device), shown.to(device))
    return network, noise.to(device)


def _extent(values: npt.NDArray[np.float32]) -> float:
    return float(values.max() - values.min())
