"""The soak in its short form: every part runs, and what it counts holds.

How long something takes is a matter for `make soak` alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from benchmarks.soak import crowd, fleet, flips, hostile, kills, pictures, ready, slow, throughput
from benchmarks.soak.__main__ import PARTS, summary
from benchmarks.soak.rows import Row, at_least, at_most, table
from effnet_core.images import FORMATS

TIMED = (
    "times the idle one",
    "times Streamlit's health",
    "seconds",
    "ONNX Runtime alone",
    "percentile",
    "least served",
)

SHORT: dict[str, Callable[[], tuple[Row, ...]]] = {
    "pictures": partial(pictures.rows, cases=72),
    "hostile": partial(hostile.rows, cases=14, answers=5),
    "flips": partial(flips.rows, flips=20),
    "ready": partial(ready.rows, looks=20),
    "slow": partial(slow.rows, slow="b2", waiters=6, answers=3),
    "crowd": partial(crowd.rows, sessions=8),
    "kills": partial(kills.rows, kills=2),
    "throughput": partial(throughput.rows, sessions=(1, 4), seconds=0.5),
}


@pytest.mark.parametrize("part", SHORT)
def test_what_is_counted_holds(part: str) -> None:
    with ThreadPoolExecutor(1) as pool:  # a browser's event loop may run in this thread
        rows = pool.submit(SHORT[part]).result()
    missed = [row for row in rows if not row.met and not any(word in row.name for word in TIMED)]
    assert rows and not missed, table(rows)
    assert len({row.name for row in rows}) == len(rows)


def test_damaged_pictures_are_of_every_format_and_the_same_each_time() -> None:
    one, other = (tuple(itertools.islice(pictures.damaged(3), 200)) for _ in range(2))
    assert one == other
    assert len({name.rpartition(".")[2] for name, _ in one}) == len(FORMATS)
    assert len({data for _, data in one}) > 190


def test_a_row_is_met_at_its_limit_and_missed_past_it() -> None:
    assert at_most("a", 1, 1).met and not at_most("a", 1.01, 1).met
    assert at_least("a", 1, 1).met and not at_least("a", 0.99, 1).met
    assert "MISSED" in table([at_most("a", 2, 1)]) and "MISSED" not in table([at_most("a", 1, 1)])


def test_the_last_line_names_the_parts_with_misses() -> None:
    met, missed = at_most("deaths", 0, 0), at_most("seconds", 2, 1)
    found = {"kills": (met,), "memory": (met, missed)}
    assert "2 of 3 limits held in 2 min; missed: memory (1)." in summary(found, 120)
    assert summary({"kills": (met,)}, 60).endswith("1 of 1 limits held in 1 min.")
    assert len(PARTS) > 7


def test_a_fleet_shares_a_popular_model_and_keeps_rare_ones_loaded() -> None:
    found = fleet.simulate(fleet.Fleet(machines=20, models=12, load=0.4, seconds=10))
    assert found.refused < 0.02 and found.cold < 0.05
    alone = fleet.simulate(fleet.Fleet(machines=1, models=3, load=0.4, seconds=10))
    assert alone.refused == 0 and alone.median_s < 3 * 0.012
    crushed = fleet.simulate(fleet.Fleet(machines=20, models=12, load=1.5, seconds=10))
    assert crushed.refused > 0.2


def test_no_machine_that_goes_moves_more_than_its_own_models() -> None:
    before = {model: fleet.place(model, 0, 10) for model in range(200)}
    after = {model: fleet.place(model, 0, 9) for model in range(200)}
    moved = [model for model in before if before[model] != after[model]]
    assert moved == [model for model in before if before[model] == 9]
