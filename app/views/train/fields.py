"""The controls of a new run, declared."""

from __future__ import annotations

from app.state import Choice, Field, Number
from effnet_core.training.presets import EPOCHS, RATES

SCRATCH, OWN_PIXELS = "scratch", "the network’s own"
PHI = Number(
    key="start_phi",
    label="φ",
    default=-4.0,
    low=-6.0,
    high=2.0,
    step=0.5,
    format="%.1f",
    help="The size of the network; each step of 1 roughly doubles the work. On a processor "
    "without a graphics card, −4 learns in minutes.",
)
PIXELS = Choice(
    key="pixels_seen",
    label="Photo size (pixels)",
    options=(OWN_PIXELS, "48", "64", "96", "128", "160", "192", "224"),
    default=OWN_PIXELS,
    help="The square that the network sees. Half the pixels a side is a quarter of the work.",
)
OPTIMIZER = Choice(
    key="optimizer",
    label="Optimizer",
    options=tuple(RATES),
    default="adamw",
    labels={"adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSProp"},
    help="How the network’s numbers are moved after every batch. The paper used RMSProp.",
)
POLICY = Choice(
    key="policy",
    label="Alter the photos",
    options=("none", "autoaugment", "randaugment", "trivialaugment"),
    default="none",
    labels={
        "none": "Crop and flip only",
        "autoaugment": "AutoAugment (the paper’s)",
        "randaugment": "RandAugment",
        "trivialaugment": "TrivialAugment",
    },
    help="Every time a photo is shown it is altered by lot, so that the network learns what stays "
    "the same. More alteration helps long runs.",
)
FROZEN = Number(
    key="frozen",
    label="Frozen stages",
    default=0,
    low=0,
    high=9,
    step=1,
    help="So many of the first stages stay as they are: quicker, and safer with very few photos.",
)
ROUNDS = {
    tuned: Number(
        key="tune_epochs" if tuned else "epochs",
        label="Epochs",
        default=usual,
        low=1,
        high=200,
        step=1,
        help="How often every photo is shown.",
    )
    for tuned, usual in EPOCHS.items()
}
STEPS: dict[str, Number] = {
    name: Number(
        key=f"rate_{name}",
        label="Learning rate",
        default=rate,
        low=0.0001,
        high=1.0,
        step=0.0001,
        format="%.4f",
        help="How far the numbers are moved. Too high and the loss jumps, too low and it stays.",
    )
    for name, rate in RATES.items()
}
FIELDS: tuple[Field, ...] = (
    PHI,
    PIXELS,
    OPTIMIZER,
    POLICY,
    FROZEN,
    *ROUNDS.values(),
    *STEPS.values(),
)
