"""The limits of a budget: typed, or a device's with its source."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import widgets
from app.state import Choice, Number
from app.text import count, milliseconds, size
from effnet_core.cost.budget import BUDGET_DTYPES, Device, Limits, device, devices


@dataclass(frozen=True, kw_only=True)
class Limit(Number):
    """A box for a limit, empty where there is none; its unit is `unit` of what is limited.

    It takes any number: `Limits` has the sentence for one that is no limit. `quantity` is its name
    there, and `show` writes an amount out.
    """

    default: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.1
    quantity: str
    show: Callable[[float], str]
    unit: int = 1_000_000

    @property
    def title(self) -> str:
        """What is limited: the label without its unit."""
        return self.label.partition(" (")[0]

    def instead_of(self, text: str) -> str:
        """What is used in place of a refused `text`."""
        return "no limit"

    @property
    def rule(self) -> str:
        """What a value must be, to follow "must be"."""
        return "a number"


def _box(quantity: str, label: str, help: str) -> Limit:
    show = size if quantity.endswith("bytes") else count
    return Limit(key=f"max_{quantity}", label=label, quantity=quantity, show=show, help=help)


LIMITS = (
    _box("params", "Parameters (M)", "The most parameters, in millions."),
    _box("mult_adds", "FLOPs (M)", "The most multiply-adds for one image, in millions."),
    _box("weight_bytes", "Weights (MB)", "The most bytes of weights, in millions."),
    _box("peak_bytes", "Peak (MB)", "The most bytes of activations at any moment, in millions."),
    _box(
        "memory_bytes",
        "Weights + peak (MB)",
        "Weights and peak together, where they share one memory.",
    ),
    _box(
        "run_bytes",
        "Run here (MB)",
        "What a float32 run takes with ONNX Runtime on a CPU, its copies of the weights included; "
        "predicted from measurements.",
    ),
    Limit(
        key="max_latency_ms",
        label="Time here (ms)",
        quantity="latency_ms",
        show=milliseconds,
        unit=1,
        help="The most milliseconds for one float32 image on this machine, predicted; the slow "
        "edge of the band is held to it.",
    ),
)
BOXES = {box.quantity: box for box in LIMITS}
DEVICE = Choice(
    key="device",
    label="Device",
    options=("none", *(one.key for one in devices())),
    default="none",
    labels={"none": "None", **{one.key: one.title for one in devices()}},
    help="Its limits hold wherever a box below is empty.",
)
FORMAT = Choice(
    key="format",
    label="Number format",
    options=("auto", *BUDGET_DTYPES),
    default="auto",
    labels={"auto": "automatic"},
    help="Automatic is the device's own where it has one, otherwise that of More settings. int8 "
    "stands for weights and activations at 1 byte each.",
)
FIELDS = (DEVICE, FORMAT, *LIMITS)


def draw() -> tuple[Device | None, Limits]:
    """The controls; returns the device, and its limits with what was typed in their place."""
    with st.container(horizontal=True):
        key = widgets.select(DEVICE, width=340)
        widgets.select(FORMAT, width=200)
    chosen = None if key == "none" else device(key)
    held = {} if chosen is None else dict(chosen.limits.given)
    with st.container(key="limits"):
        for box in LIMITS:
            typed = _draw_box(box, held.get(box.quantity))
            if typed is not None:
                held[box.quantity] = typed if box.unit == 1 else round(typed * box.unit)
    return chosen, Limits(**held)


def _draw_box(box: Limit, devices_own: float | None) -> float | None:
    """A box, empty at first; what holds while it is empty stands in it in grey."""
    return st.number_input(
        box.label,
        value=None,
        step=box.step,
        format="%g",
        key=box.key,
        help=box.help,
        placeholder="no limit" if devices_own is None else f"{devices_own / box.unit:g}",
        **widgets.KEPT,
    )
