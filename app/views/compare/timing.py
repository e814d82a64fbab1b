"""Timing: how long networks take on the machine that serves this page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.scale import calibration
from app.scale.network import Network
from app.state import Choice, Number, Several
from app.views.compare import line
from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.latency import LatencyMeasurement
from effnet_core.limits import MAX_TIMED_MULT_ADDS
from effnet_core.results.published import price, results

if TYPE_CHECKING:
    from effnet_core.service import TimedBy

_HELD = "timed"
_REFUSED = "timing-refused"
_THE_CHOSEN = "the network drawn as a line"
Key = tuple[str, int]
"""A network's code and its resolution, under which its measurement is found again."""


def _offered() -> dict[str, Key]:
    """Every architecture at every resolution that somebody published its accuracy at."""
    found = set()
    for result in results():
        totals = price(result)
        if totals is not None and totals.mult_adds <= MAX_TIMED_MULT_ADDS:
            found.add((str(result.architecture), int(result.test_resolution or 0)))
    return {_title(key): key for key in sorted(found)}


def _title(key: Key) -> str:
    code, side = key
    return f"{Network.parse(code).title} at {side}"


_OFFERED = _offered()
TO_TIME = Several(
    key="time",
    label="Networks to time",
    options=(_THE_CHOSEN, *_OFFERED),
    default=("B0 at 224", "B1 at 240", "B2 at 260", "V2-B0 at 224"),
    placeholder="Type a name, such as B3",
    help="Each at an input resolution for which an accuracy was published.",
)
RUNS = Number(
    key="runs",
    label="Runs of each",
    default=20,
    low=4,
    high=100,
    step=1,
    help="After 3 runs to warm up. The median and the middle half of the runs are kept.",
)
ENGINE = Choice(
    key="engine",
    label="Back end",
    options=("runtime", "torch"),
    default="runtime",
    labels={"runtime": "ONNX Runtime, CPU", "torch": "PyTorch"},
    help="ONNX Runtime answers by default on a CPU, and its times are those that a calibration "
    "predicts.",
)
FIELDS = (TO_TIME, RUNS, ENGINE)


def timed() -> dict[Key, LatencyMeasurement]:
    """Return what this session has measured so far."""
    held: dict[Key, LatencyMeasurement] = st.session_state.setdefault(_HELD, {})
    return held


def draw() -> None:
    """Draw the choice of networks, the button, and what was measured."""
    widgets.heading("Latency on this machine", "measured")
    st.markdown(
        "Times one forward pass of one image on the machine that serves this page. Latency depends "
        "on the architecture, not on what it has learned: the networks are randomly initialised."
    )
    with st.container(key="timing-row"):
        names = widgets.several(TO_TIME, select_all=False, wrap=True)
        runs = int(widgets.number(RUNS))
    engine = cast("TimedBy", widgets.segmented(ENGINE))
    if st.button("Time them here", type="primary", disabled=not names):
        _measure(dict(map(_network, names)), runs, engine)
        st.rerun()
    for sentence in st.session_state.get(_REFUSED, ()):
        st.error(sentence)
    if timed():
        _draw_measurements(timed())
    widgets.heading("Latency predicted for all others", "predicted")
    held = calibration.offer("The time of networks that nobody timed")
    if held is not None:
        st.markdown(
            "On “Published”, choose “Latency on this machine” as the cost: every EfficientNet has "
            "a place there."
        )
        calibration.draw(held)


def _network(name: str) -> tuple[Key, ArchitectureSpec]:
    """Raises InvalidInput where the chosen network does not exist."""
    if name != _THE_CHOSEN:
        code, side = _OFFERED[name]
        return (code, side), variant(code, resolution=side)
    network = line.network()
    if network is None:
        raise InvalidInput("There is no network to draw as a line, so none to time.")
    spec = network.spec()
    return (network.code, spec.resolution), spec


def _measure(specs: dict[Key, ArchitectureSpec], runs: int, engine: TimedBy) -> None:
    """Time one after the other; one that cannot be timed leaves its sentence, the others go on."""
    refused: list[str] = []
    work = [summarize(spec).mult_adds for spec in specs.values()]
    bar, start = st.progress(0.0), time.monotonic()
    for number, (key, spec) in enumerate(specs.items()):
        done = sum(work[:number])
        left = (time.monotonic() - start) * (sum(work) - done) / done if done else None
        wait = "" if left is None else f"; about {max(1, round(left))} s left"
        bar.progress(
            done / sum(work), f"Timing {_title(key)} ({number + 1} of {len(specs)}){wait} …"
        )
        if work[number] > MAX_TIMED_MULT_ADDS:
            refused.append(f"{_title(key)} takes more than 100 B multiply-adds: too long here.")
            continue
        try:
            timed()[key] = resources.service().measure_spec(spec, repeats=runs, engine=engine)
        except EffnetError as error:
            refused.append(f"{_title(key)}: {error}")
    st.session_state[_REFUSED] = tuple(refused)


def _draw_measurements(found: dict[Key, LatencyMeasurement]) -> None:
    st.dataframe(
        [
            {
                "Network": Network.parse(code).title,
                "Pixels": side,
                "Median ms": one.median_ms,
                "25 % ms": one.low_ms,
                "75 % ms": one.high_ms,
                "Runs": one.repeats,
                "Warm-up": one.warmup,
                "Back end": one.engine,
                "Device": one.device,
                "Number format": one.dtype,
                "Threads": one.threads,
            }
            for (code, side), one in found.items()
        ],
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.1f")
            for name in ("Median ms", "25 % ms", "75 % ms")
        },
        alt="Latency of each network measured here: median and quartiles in milliseconds.",
    )
    processors = {plain(one.processor) for one in found.values()}
    st.caption(
        f"{widgets.source('measured')} On {' and '.join(sorted(processors))}, batch 1. Kept until "
        "this tab is closed. Other work on the machine shows as spread."
    )
