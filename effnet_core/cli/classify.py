"""`effnet classify`: what is in these pictures?"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from effnet_core.cli.common import (
    QUIET_SECONDS,
    Commands,
    add_command,
    add_device,
    positive,
    print_table,
)
from effnet_core.cli.loading import (
    add_checkpoint,
    add_weights,
    described_input,
    load,
    predictor,
    read_image,
)
from effnet_core.cli.streams import print_json, say
from effnet_core.errors import EffnetError, ImageError
from effnet_core.images import Decoded
from effnet_core.images.resizing import decode_first

if TYPE_CHECKING:
    from effnet_core.engines.predictor import Predictor
    from effnet_core.weights import LoadedWeights

Answer = dict[str, Any]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "classify",
        _run,
        "The most probable classes of pictures; a bad picture does not stop the others.",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="picture files")
    add_weights(parser, has_default=True)
    add_checkpoint(parser)
    parser.add_argument(
        "--top", type=positive, default=5, metavar="K", help="how many classes to name [5]"
    )
    add_device(parser)
    parser.add_argument(
        "--autocast",
        action="store_true",
        help="compute in bfloat16 with weights in float32; needs CUDA",
    )


def _run(args: argparse.Namespace) -> int:
    answers, heading = _answers(args)
    if args.json:
        print_json(answers)
    elif heading is not None:
        print(heading)
        for answer in answers:
            if "error" not in answer:
                _print_answer(answer)
    return 1 if any("error" in answer for answer in answers) else 0


def _answers(args: argparse.Namespace) -> tuple[list[Answer], str | None]:
    """An answer for every picture, and what is to be said of the model, if it was needed.

    The model is loaded for the first picture that can be read: a bad one alone is refused at once.
    """
    model: Predictor | None = None
    heading: str | None = None
    prepared: Answer = {}
    answers: list[Answer] = []
    pictures = tqdm(
        args.images,
        desc="Classifying",
        unit="picture",
        delay=QUIET_SECONDS,
        disable=len(args.images) == 1,
    )
    for image in pictures:
        try:
            data = read_image(image)
            first = decode_first(data) if model is None else None
        except ImageError as error:
            answers.append(_refused(image, error))
            continue
        if model is None:
            loaded = load(args, args.device)
            model = predictor(loaded, args, autocast=args.autocast)
            cast = ", bfloat16 autocast" if args.autocast else ""
            heading = f"{model.weights_id} on {model.device} in {model.dtype}{cast}\n"
            heading += described_input(loaded)
            heading += f"\n{model.meaning}".rstrip()
            prepared = _prepared(loaded)
        answer = _answer(model, image, data, first, args.top)
        answers.append(answer if "error" in answer else answer | prepared)
    return answers, heading


def _prepared(loaded: LoadedWeights) -> Answer:
    """What decides an answer beside the tensors: how pictures are prepared and the network run."""
    return {
        "preprocessing": loaded.preprocessing.to_dict(),
        "preprocessing_source": loaded.preprocessing_source,
        "padding": loaded.spec.padding,
        "bn_eps": loaded.spec.bn_eps,
    }


def _refused(image: str, error: EffnetError) -> Answer:
    say(f"effnet: {image}: {error}")
    return {"image": image, "error": str(error)}


def _answer(model: Predictor, image: str, data: bytes, first: Decoded | None, top: int) -> Answer:
    try:
        prediction = model.predict_bytes(data, first=first, top_k=top)
    except EffnetError as error:
        return _refused(image, error)
    return {
        "image": image,
        "weights": prediction.weights,
        "top": [dataclasses.asdict(entry) for entry in prediction.top],
        "activation": prediction.activation,
        "meaning": prediction.meaning,
        "milliseconds": round(prediction.milliseconds, 3),
        "engine": prediction.engine,
        "device": prediction.device,
        "dtype": prediction.dtype,
        "notes": list(prediction.notes),
    }


def _print_answer(answer: Answer) -> None:
    print(f"\n{answer['image']}: {answer['milliseconds']:.0f} ms, measured from bytes to answer")
    for note in answer["notes"]:
        print(note)
    print_table(
        ("Class", "Label", "Probability"),
        [
            (entry["index"], entry["label"], f"{entry['probability']:.2%}")
            for entry in answer["top"]
        ],
    )
