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
    print_json,
    print_table,
    say,
)
from effnet_core.cli.loading import add_checkpoint, add_weights, predictor, read_image
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from effnet_core.predict import Predictor

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
    add_weights(parser)
    add_checkpoint(parser)
    parser.add_argument(
        "--top", type=positive, default=5, metavar="K", help="how many classes to name [5]"
    )
    add_device(parser)


def _run(args: argparse.Namespace) -> int:
    model = predictor(args)
    pictures = tqdm(
        args.images,
        desc="Classifying",
        unit="picture",
        delay=QUIET_SECONDS,
        disable=len(args.images) == 1,
    )
    answers = [_answer(model, image, args.top) for image in pictures]
    if args.json:
        print_json(answers)
    else:
        print(f"{model.weights_id} on {model.device} in {model.dtype}")
        for answer in answers:
            if "error" not in answer:
                _print_answer(answer)
    return 1 if any("error" in answer for answer in answers) else 0


def _answer(model: Predictor, image: str, top: int) -> Answer:
    try:
        prediction = model.predict_bytes(read_image(image), top_k=top)
    except EffnetError as error:
        say(f"effnet: {image}: {error}")
        return {"image": image, "error": str(error)}
    return {
        "image": image,
        "weights": prediction.weights,
        "top": [dataclasses.asdict(entry) for entry in prediction.top],
        "milliseconds": round(prediction.milliseconds, 3),
    }


def _print_answer(answer: Answer) -> None:
    print(f"\n{answer['image']}: {answer['milliseconds']:.0f} ms, measured from bytes to answer")
    print_table(
        ("Class", "Label", "Probability"),
        [
            (entry["index"], entry["label"], f"{entry['probability']:.2%}")
            for entry in answer["top"]
        ],
    )
