"""Write docs/what-it-reads.md from the tables of the tests that prove it.

`python scripts/write_what_it_reads.py`; a test fails while the page says anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "what-it-reads.md"

_HEAD = """# What it reads

Written by `scripts/write_what_it_reads.py` from the tables of the tests that prove it; every row is
a file that a test writes, reads back and compares. `effnet inspect FILE|FOLDER|ZIP` says what any
file is taken for, and Classify's form the same before anything is computed.
"""


def page() -> str:
    """The whole page: one section a function."""
    sys.path.insert(0, str(ROOT))  # the tests are no part of what is installed
    from tests.reading.page import pictures, zips

    return "\n".join((_HEAD, checkpoints(), companions(), pictures(), zips()))


def checkpoints() -> str:
    """Trainer × container × ending × whose names."""
    from tests.core.weights.reading.brought import rows

    header = ("Trainer", "Inside", "Ending", "Names as in", "To be given")
    return f"""## Checkpoints

The network is found in whatever dictionary and under whatever prefix its stem stands
(`module.`, `_orig_mod.`, `model.`, `backbone.`, `net.`, `encoder.`, … in any order). Averaged
weights are taken before plain ones; `--weights-key` and the form's field choose another. Of a
`.zip` or a folder the weights file nearest the top is taken; where there are several, the one that
libraries mean to be used (`model.safetensors`, `pytorch_model.bin`, `model_best.pth.tar`).
PyTorch's files are read as tensors, plain containers and `argparse`'s namespaces alone: nothing in
them runs.

{table(header, rows())}
Refused with a sentence that says so: a head of several layers, a feature extractor without a head,
layers beside a whole network (ArcFace's among them), networks of other families that are named
alike, a stem of 2, 4 or more channels (one channel is fed grey), archives
other than zip, and every other ending.
"""


def companions() -> str:
    """What the files beside weights say."""
    header = ("File", "Written by", "What is taken from it")
    rows = (
        (
            "`config.json`",
            "timm (`save_for_hf`)",
            "architecture, `num_classes`, `label_names`, `label_descriptions`, input size (its "
            "test size where it has one), mean, std, interpolation, `crop_pct`, `crop_mode`; of "
            "`model_args` `act_layer`, `bn_eps` and `pad_type`. `global_pool` other than the mean, "
            "and all else that changes what is computed, is refused",
        ),
        (
            "`config.json`",
            "transformers",
            "the network by its width and depth, `hidden_act` (swish, relu, relu6), "
            "`batch_norm_eps`, `id2label`, `image_size`, `problem_type` (a regression is refused); "
            "another table, pooling or hidden size is refused, and so is `depthwise_padding` that "
            "is not TensorFlow's at the side of its pictures",
        ),
        (
            "`preprocessor_config.json`",
            "transformers",
            "size, crop, resampling, rescaling, mean and std (`include_top` divides by std twice)",
        ),
        (
            "`args` in the file",
            "timm, torchvision's references",
            "architecture, how pictures were fed, and how the network is computed (`bn_eps`, `gp`, "
            "`model_kwargs`), where that was given",
        ),
    )
    return f"""## Beside the tensors

What a person gives comes first, value by value, then the file's own metadata, then these; answers
say which.

{table(header, rows)}"""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = (header, ("---",) * len(header), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
