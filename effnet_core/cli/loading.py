"""Options that name weights, and what is needed to load them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from effnet_core.architecture.outputs import ACTIVATIONS
from effnet_core.architecture.scaling import validate_resolution
from effnet_core.cli.common import working
from effnet_core.cli.streams import warn
from effnet_core.errors import ImageError, InvalidInput
from effnet_core.images import INTERPOLATIONS
from effnet_core.images.resizing import decode_first, decode_for
from effnet_core.limits import MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from effnet_core.architecture.spec import ArchitectureSpec
    from effnet_core.engines.engine import ForwardPass
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.predictor import Predictor
    from effnet_core.weights import LoadedWeights, StoredWeights
    from effnet_core.weights.reading.settings import Settings

_PREPROCESSING = ("crop", "resize", "crop_mode", "interpolation", "mean", "std")


def add_weights(
    parser: argparse._ActionsContainer, *, required: bool = True, has_default: bool = False
) -> None:
    """Add `--weights`; where it `has_default`, real ImageNet weights answer without it."""
    parser.add_argument(
        "--weights",
        required=required and not has_default,
        metavar="ID|FILE",
        help="id or architecture from `effnet weights list`, or a checkpoint: a .safetensors, "
        ".pth, .pt, .bin, .ckpt or .pth.tar file, or a folder or .zip that holds one"
        + (" [lite0]" if has_default else ""),
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add what may be said of a checkpoint that does not say it itself."""
    group = parser.add_argument_group("checkpoint")
    group.add_argument(
        "--architecture", metavar="NAME", help="what the file holds, where it does not say so"
    )
    group.add_argument(
        "--weights-key",
        metavar="KEY",
        help="which network, where a file holds several [averaged weights before plain ones]",
    )
    group.add_argument(
        "--classes", metavar="FILE", help="class names, one a line, in the order of the outputs"
    )
    group.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        help="what makes probabilities of the logits: softmax where one class excludes the others, "
        "sigmoid where each stands for itself [as the file says; softmax, of one logit sigmoid]",
    )
    fed = parser.add_argument_group(
        "preprocessing", "each in place of what the weights say; the others stay as they are"
    )
    fed.add_argument("--crop", type=int, metavar="N", help="input side in pixels")
    fed.add_argument(
        "--resize", type=int, metavar="N", help="shorter edge before the crop [in proportion to it]"
    )
    fed.add_argument(
        "--crop-mode",
        choices=("center", "squash"),
        help="resize the shorter edge, or both whatever the picture's proportions",
    )
    fed.add_argument("--interpolation", choices=tuple(INTERPOLATIONS))
    for name in ("mean", "std"):
        fed.add_argument(f"--{name}", type=float, nargs=3, metavar=("R", "G", "B"))


def checkpoint_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_checkpoint` as keywords of `resolve_weights`; raises InvalidInput."""
    return {
        "architecture": args.architecture,
        "classes": None if args.classes is None else _class_names(Path(args.classes)),
        "preprocessing": _preprocessing(args),
        "activation": args.activation,
        "weights_key": args.weights_key,
    }


def load(args: argparse.Namespace, device: str = "cpu") -> LoadedWeights:
    """The weights that the options name, from this disk; raises EffnetError.

    A `device` that this machine lacks is refused before they are read.
    """
    options = checkpoint_options(args)
    with working(f"Loading {args.weights or 'the default weights'}"):
        from effnet_core.engines.device import device_name
        from effnet_core.weights import DEFAULT, WeightsStore, resolve_weights

        device_name(device)
        return resolve_weights(args.weights or DEFAULT, WeightsStore(), **options)


def predictor(
    loaded: LoadedWeights, args: argparse.Namespace, *, autocast: bool = False, warm: bool = True
) -> Predictor:
    """A predictor on the device and in the dtype asked for; raises EffnetError.

    A `warm` one has answered before, which a first pass is slower without; its graph is kept on
    disk, where the service keeps its own. Who only runs `model` needs none of that.
    """
    with working(f"Building {loaded.spec.name}"):
        from effnet_core.engines.onnx.cache import GraphCache
        from effnet_core.engines.predictor import Predictor
        from effnet_core.weights import WeightsStore

        engine: Literal["auto", "autocast"] = "autocast" if autocast else "auto"
        graphs = GraphCache(WeightsStore().root / "graphs")
        found = Predictor(
            loaded, device=args.device, dtype=args.dtype, engine=engine, graphs=graphs
        )
        if warm:
            found.warm_up()
        return found


def answered(
    args: argparse.Namespace, top_k: int, require: Callable[[ArchitectureSpec], None] | None = None
) -> tuple[LoadedWeights, Predictor, Prediction, ForwardPass]:
    """The weights, their predictor, its answer to `args.image` and the pass behind that.

    A bad picture is refused before seconds of loading, and what `require` refuses of a network
    before it is built. Raises EffnetError.
    """
    data = read_image(args.image)
    first = decode_first(data)
    loaded = load(args, args.device)
    if require is not None:
        require(loaded.spec)
    model = predictor(loaded, args)
    picture = decode_for(data, model.preprocessing, first=first)
    for note in picture.notes:
        warn(f"{args.image}: {note}")
    return loaded, model, *model.answer(picture, top_k=top_k)


def described_input(weights: LoadedWeights | StoredWeights) -> str:
    """How pictures are prepared for these weights and who says so, likewise names and activation,
    and how the network is computed where no tensor tells: a line each.

    What was not given may be another than the weights were trained with, so no answer is shown
    without it.
    """
    computed = f"\nComputed with {weights.conventions}" if weights.conventions else ""
    return (
        f"Preprocessing ({weights.preprocessing_source}): {weights.preprocessing.in_words}\n"
        f"Class names: {weights.classes_source}{computed}\n"
        f"Probabilities: {weights.activation} ({weights.activation_source})"
    )


def read_image(path: str) -> bytes:
    """The bytes of a picture's file, at most just past the limit; raises ImageError."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The class names in {path} cannot be read: {error}.") from error
    if not names:
        raise InvalidInput(f"{path} holds no class names; write one a line.")
    return tuple(names)


def _preprocessing(args: argparse.Namespace) -> Settings | None:
    """What is given of the preprocessing; the rest stays as the weights have it.

    Raises InvalidInput for a side that no network has.
    """
    from effnet_core.weights.reading.settings import Settings

    given: dict[str, Any] = {name: getattr(args, name) for name in _PREPROCESSING}
    for name in ("mean", "std"):
        given[name] = tuple(given[name]) if given[name] else None
    if args.crop is not None:
        validate_resolution(args.crop)
    found = Settings(**given)
    return None if found == Settings() else found
