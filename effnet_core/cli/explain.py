"""`effnet explain`: where did the network look?"""

from __future__ import annotations

import argparse
import dataclasses
import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from effnet_core.architecture.names import architecture
from effnet_core.attribution.registry import Method, find_method
from effnet_core.cli.cell import explain_cell
from effnet_core.cli.common import (
    Commands,
    add_command,
    add_device,
    output_paths,
    working,
)
from effnet_core.cli.ledger import (
    LEDGER_OPACITY,
    add_ledger,
    ledger_of,
    require_maps,
    run_ledger,
    write_html,
)
from effnet_core.cli.loading import (
    add_checkpoint,
    add_weights,
    answered,
    described_input,
)
from effnet_core.cli.methods import methods_help, parameters
from effnet_core.cli.streams import print_json
from effnet_core.cli.trust import add_trust, judged, print_trust
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from PIL import Image

    from effnet_core.architecture.spec import ArchitectureSpec
    from effnet_core.attribution import Attribution, Value
    from effnet_core.attribution.document import Figure
    from effnet_core.engines.prediction import ClassProbability, Prediction
    from effnet_core.engines.predictor import Predictor

_OPACITY = 0.5


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "explain", _run, "A map of where in a picture a class's score comes from."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = methods_help()
    parser.add_argument("image", metavar="IMAGE", help="picture file")
    add_weights(parser, has_default=True)
    add_checkpoint(parser)
    parser.add_argument(
        "--method", default="grad-cam", metavar="METHOD", help="see below [grad-cam]"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the method, repeatable",
    )
    parser.add_argument(
        "--stage",
        default="last",
        metavar="N|last",
        help="0 stem, 1… stages, last: the head convolution's output [last]",
    )
    _add_classes(parser)
    parser.add_argument(
        "--opacity",
        type=float,
        metavar="X",
        help=f"0 picture … 1 map [{_OPACITY}; of the ledger, clear at 0: {LEDGER_OPACITY}]",
    )
    parser.add_argument("--out", metavar="overlay.png", help="overlay to write")
    parser.add_argument(
        "--cell",
        metavar="STAGE,CHANNEL,ROW,COLUMN",
        help="instead of a map: how one cell of a stage's feature map came about, all from 0",
    )
    parser.add_argument("--raw", metavar="map.npy", help="also write the map: float32, signed")
    add_ledger(parser)
    add_trust(parser)
    add_device(parser)


def _add_classes(parser: argparse.ArgumentParser) -> None:
    classes = parser.add_mutually_exclusive_group()
    classes.add_argument(
        "--class",
        dest="class_indices",
        action="append",
        type=int,
        metavar="INDEX",
        help="repeatable; files then end in their class's index [the most probable class]",
    )
    classes.add_argument(
        "--top-classes", type=int, metavar="N", help="the N most probable classes, as with --class"
    )


def _run(args: argparse.Namespace) -> int:
    if args.cell is not None:
        return explain_cell(args)
    _require_in_range(args)
    if args.ledger:
        return run_ledger(args)
    require_maps(args)
    *paths, html_path = output_paths(args, out=".png", raw=".npy", html=".html")
    method = find_method(args.method)
    values = parameters(method, args.set)
    stage = _stage(args.stage, method)
    if args.architecture is not None:  # what is wrong is said before seconds of loading
        _require_stage(stage, architecture(args.architecture))
    require = partial(_require_stage, stage)
    loaded, model, prediction, by = answered(args, args.top_classes or 1, require)
    targets = prediction.top
    if args.class_indices is not None:
        targets = tuple(prediction.of(index) for index in dict.fromkeys(args.class_indices))
    indices = tuple(target.index for target in targets)
    with working(f"{method.title} of class {', '.join(map(str, indices))}"):
        maps = _attribute(model, prediction, indices, method.id, stage, values)
    results, figures, verdicts = [], [], []
    for target, attribution in zip(targets, maps, strict=True):
        suffix = "" if len(targets) == 1 else f"-{target.index}"
        out, raw = (path and _marked(path, suffix) for path in paths)
        figures.append(_drawn(prediction, attribution, args.opacity))
        _write(out, raw, figures[-1].image, attribution)
        described = {"image": args.image, **_described(model, target, attribution)}
        described |= {"classified_by": prediction.engine, "parameters": dict(values)}
        files = {"out": out and str(out), "raw": raw and str(raw), "html": args.html}
        results.append(described | files)
        if args.trust:
            verdicts.append(judged(model, prediction, attribution, values))
            results[-1]["trust"] = verdicts[-1].to_dict()
    if html_path is not None:
        found = ledger_of(loaded, by, indices[0])
        write_html(html_path, args, loaded, prediction, found, figures, next(iter(verdicts), None))
    if args.json:
        print_json(results[0] if len(results) == 1 else {"maps": results})
    else:
        for result in results:
            _print_result(result, method)
        print(described_input(loaded))
    return 0


def _require_in_range(args: argparse.Namespace) -> None:
    if args.opacity is not None and not 0 <= args.opacity <= 1:
        raise InvalidInput(f"The opacity must lie between 0 and 1; got {args.opacity:g}.")
    if args.top_classes is not None and args.top_classes < 1:
        raise InvalidInput(f"At least one class must be explained; got {args.top_classes}.")


def _attribute(
    model: Predictor,
    prediction: Prediction,
    class_indices: tuple[int, ...],
    method: str,
    stage: int | Literal["last"],
    parameters: tuple[tuple[str, Value], ...],
) -> tuple[Attribution, ...]:
    """The map of each class; Grad-CAM's at the last stage all come from one pass."""
    from effnet_core.attribution import attribute, grad_cam_classes

    inputs = model.inputs(prediction.pixels)
    if method == "grad-cam" and stage in ("last", model.spec.stage_count + 1):
        return grad_cam_classes(model, inputs, class_indices)
    return tuple(
        attribute(
            model,
            inputs,
            class_index=index,
            method=method,
            stage=stage,
            parameters=parameters,
            preprocessing=model.preprocessing,
        )
        for index in class_indices
    )


def _marked(path: Path, suffix: str) -> Path:
    """The path with a suffix to its name: overlay.png and "-281" → overlay-281.png."""
    return path.with_name(f"{path.stem}{suffix}{path.suffix}")


def _described(
    model: Predictor, target: ClassProbability, attribution: Attribution
) -> dict[str, Any]:
    return {
        "weights": model.weights_id,
        "method": attribution.method,
        "stage": attribution.stage,
        "class": dataclasses.asdict(target),
        "activation": model.activation,
        "grid": attribution.grid,
        "range": [attribution.low, attribution.high],
        "weak": attribution.weak,
        "reference_range": attribution.reference_range,
        "milliseconds": round(attribution.milliseconds, 3),
        "device": model.device,
        "dtype": model.dtype,
    }


def _drawn(prediction: Prediction, attribution: Attribution, opacity: float | None) -> Figure:
    from effnet_core.attribution.document import map_figure

    return map_figure(prediction, attribution, _OPACITY if opacity is None else opacity)


def _write(
    overlay_path: Path | None,
    raw_path: Path | None,
    overlay: Image.Image,
    attribution: Attribution,
) -> None:
    from effnet_core import files
    from effnet_core.attribution.render import png_bytes

    if overlay_path is not None:
        files.write(overlay_path, png_bytes(overlay))
    if raw_path is not None:
        numbers = io.BytesIO()
        np.save(numbers, attribution.raw)
        files.write(raw_path, numbers.getvalue())


def _print_result(result: dict[str, Any], method: Method) -> None:
    target, (low, high), (height, width) = result["class"], result["range"], result["grid"]
    where = "the input" if result["stage"] is None else f"stage {result['stage']}"
    weak = "; weak: under 5 % of a network's with random weights" if result["weak"] else ""
    print(
        f"{method.title} of class {target['index']} ({target['label']}, "
        f"{target['probability']:.2%}) by {result['weights']} at {where}: {height} × {width} "
        f"values from {low:.4g} to {high:.4g}{weak}; {result['milliseconds']:.0f} ms on "
        f"{result['device']} in {result['dtype']}, measured."
    )
    for name, file in (("Overlay", "out"), ("Map", "raw"), ("Page", "html")):
        if result[file]:
            print(f"{name}: {result[file]}")
    if "trust" in result:
        print_trust(result["trust"])


def _stage(text: str, method: Method) -> int | Literal["last"]:
    if text == "last":
        return "last"
    if not method.supports_stages:
        raise InvalidInput(
            f"{method.title} works on the input's pixels, so no stage can be chosen for it."
        )
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InvalidInput(
            f'The stage must be "last" or a whole number from 0 (stem); got {text!r:.40}.'
        )
    return int(text)


def _require_stage(stage: int | Literal["last"], spec: ArchitectureSpec) -> None:
    last = spec.stage_count + 1
    if stage != "last" and stage > last:
        raise InvalidInput(
            f'The stage must be "last" or a whole number from 0 (stem) to {last} (head '
            f"convolution); {spec.name} has no stage {stage}."
        )
