"""`effnet explain`: where did the network look?"""

from __future__ import annotations

import argparse
import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from effnet_core.architecture.names import architecture
from effnet_core.attribution.registry import METHODS, Method, find_method
from effnet_core.cli.common import Commands, add_command, add_device, output_path, working
from effnet_core.cli.loading import (
    add_checkpoint,
    add_weights,
    described_input,
    load,
    predictor,
    read_image,
)
from effnet_core.cli.streams import print_json
from effnet_core.cli.trust import add_trust, judged, print_trust
from effnet_core.errors import InvalidInput
from effnet_core.images.resizing import decode_first

if TYPE_CHECKING:
    from effnet_core.architecture.spec import ArchitectureSpec
    from effnet_core.attribution import Attribution, Value
    from effnet_core.engines.predictor import ClassProbability, Prediction, Predictor


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "explain", _run, "A map of where in a picture a class's score comes from."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _methods_help()
    parser.add_argument("image", metavar="IMAGE", help="picture file")
    add_weights(parser)
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
        "--opacity", type=float, default=0.5, metavar="X", help="0 picture … 1 map [0.5]"
    )
    parser.add_argument("--out", metavar="overlay.png", help="overlay to write")
    parser.add_argument("--raw", metavar="map.npy", help="also write the map: float32, signed")
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
    overlay_path, raw_path = _output_paths(args)
    method = find_method(args.method)
    parameters = _parameters(method, args.set)
    stage = _stage(args.stage, method)
    _require_in_range(args)
    if args.architecture is not None:  # what is wrong is said before seconds of loading
        _require_stage(stage, architecture(args.architecture))
    data = read_image(args.image)
    first = decode_first(data)  # a bad picture is refused before seconds of loading
    loaded = load(args, args.device)
    _require_stage(stage, loaded.spec)
    model = predictor(loaded, args)
    prediction = model.predict_bytes(data, first=first, top_k=args.top_classes or 1)
    targets = prediction.top
    if args.class_indices is not None:
        targets = tuple(prediction.of(index) for index in dict.fromkeys(args.class_indices))
    indices = tuple(target.index for target in targets)
    with working(f"{method.title} of class {', '.join(map(str, indices))}"):
        maps = _attribute(model, prediction, indices, method.id, stage, parameters)
    results = []
    for target, attribution in zip(targets, maps, strict=True):
        suffix = "" if len(targets) == 1 else f"-{target.index}"
        out, raw = (path and _marked(path, suffix) for path in (overlay_path, raw_path))
        _write(out, raw, prediction, attribution, args.opacity)
        described = {"image": args.image, **_described(model, target, attribution)}
        described["classified_by"] = prediction.engine
        files = {name: path and str(path) for name, path in (("out", out), ("raw", raw))}
        results.append(described | {"parameters": dict(parameters)} | files)
        if args.trust:
            results[-1]["trust"] = judged(loaded, prediction, attribution, parameters).to_dict()
    if args.json:
        print_json(results[0] if len(results) == 1 else {"maps": results})
    else:
        for result in results:
            _print_result(result, method)
        print(described_input(loaded))
    return 0


def _output_paths(args: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Where overlay and map go, None for what is not written; raises InvalidInput."""
    if args.out is None and not args.trust:
        raise InvalidInput("Give --out for the overlay to write, or --trust to test the map.")
    return (
        None if args.out is None else output_path(args.out, ".png"),
        None if args.raw is None else output_path(args.raw, ".npy"),
    )


def _require_in_range(args: argparse.Namespace) -> None:
    if not 0 <= args.opacity <= 1:
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
    last = stage in ("last", model.model.last_stage)
    if method == "grad-cam" and last:
        return grad_cam_classes(model.model, inputs, class_indices, passes=model)
    return tuple(
        attribute(
            model.model,
            inputs,
            class_index=index,
            method=method,
            stage=stage,
            parameters=parameters,
            preprocessing=model.preprocessing,
            # Few maps are torch's sooner than ONNX Runtime has a session back to their stage.
            passes=model if last else None,
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
        "grid": attribution.grid,
        "range": [attribution.low, attribution.high],
        "weak": attribution.weak,
        "reference_range": attribution.reference_range,
        "milliseconds": round(attribution.milliseconds, 3),
        "device": str(model.device),
        "dtype": model.dtype,
    }


def _write(
    overlay_path: Path | None,
    raw_path: Path | None,
    prediction: Prediction,
    attribution: Attribution,
    opacity: float,
) -> None:
    from effnet_core import files
    from effnet_core.attribution.render import overlay

    picture, numbers = io.BytesIO(), io.BytesIO()
    if overlay_path is not None:
        overlay(prediction.view, attribution, opacity=opacity).save(picture, format="PNG")
        files.write(overlay_path, picture.getvalue())
    if raw_path is not None:
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
    for title, file in (("Overlay", result["out"]), ("Map", result["raw"])):
        if file:
            print(f"{title}: {file}")
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


def _parameters(method: Method, given: list[str]) -> tuple[tuple[str, Value], ...]:
    """Every parameter with its value, from "name=value" texts; raises InvalidInput."""
    declared = {parameter.name: parameter for parameter in method.parameters}
    pairs: list[tuple[str, Value]] = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--set takes name=value; got {text!r:.60}.")
        pairs.append((name, declared[name].parse(value) if name in declared else value))
    return method.values(pairs)


def _methods_help() -> str:
    lines = ["methods and their parameters (--set name=value):"]
    for method in METHODS:
        lines.append(f"  {method.id:<22}{method.title}")
        lines += [
            f"    {parameter.name:<20}{parameter.range_words} [{parameter.default}]"
            for parameter in method.parameters
        ]
    return "\n".join(lines)
