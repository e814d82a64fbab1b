"""A calculation of many machines behind one address: how questions spread over them, and who waits.

`python -m benchmarks.soak.fleet` simulates a hundred machines by the rules of
`service.remote.spread`; a machine keeps the models used last, as the service does, and refuses what
finds its queue full. How long an answer and the loading of a model take is assumed: 12 ms and 1 s,
about what Lite0 needs on two cores. It is a simulation: nothing is measured.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from effnet_core.limits import MAX_MODELS_KEPT, MAX_QUEUE
from effnet_core.service.remote.spread import TRIES, places


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What is assumed: `load` is the part of all machines' time that answers alone would take.

    The models' shares of the questions fall as Zipf's law says (exponent 1).
    """

    machines: int = 100
    models: int = 24
    answer_s: float = 0.012
    load_s: float = 1.0
    load: float = 0.6
    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of the second half of the time: shares of all questions, and seconds until an answer."""

    median_s: float
    p95_s: float
    refused: float
    cold: float
    busiest: float


@dataclass
class _Machine:
    free_at: float = 0.0
    worked: float = 0.0
    models: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def wait(self, now: float) -> float:
        return max(0.0, self.free_at - now)

    def answer(self, model: int, now: float, fleet: Fleet) -> tuple[float, bool]:
        """(seconds until the answer, whether the model had to be loaded)."""
        is_cold = model not in self.models
        self.models[model] = None
        self.models.move_to_end(model)
        if len(self.models) > MAX_MODELS_KEPT:
            self.models.popitem(last=False)
        takes = fleet.answer_s + is_cold * fleet.load_s
        self.free_at = max(self.free_at, now) + takes
        self.worked += takes
        return self.free_at - now, is_cold


@lru_cache(maxsize=65_536)
def place(model: int, number: int, machines: int) -> int:
    """The machine with the largest hash, as a proxy's rendezvous hashing chooses it."""
    return max(
        range(machines),
        key=lambda machine: hashlib.blake2b(f"{model}.{number}.{machine}".encode()).digest(),
    )


def simulate(fleet: Fleet) -> Outcome:
    """Let questions come at random; the first half of the time only fills the machines."""
    chance = np.random.default_rng(fleet.seed)
    machines = [_Machine() for _ in range(fleet.machines)]
    count = int(fleet.load * fleet.machines / fleet.answer_s * fleet.seconds)
    times = np.sort(chance.uniform(0, fleet.seconds, count))
    shares = 1 / np.arange(1, fleet.models + 1)
    asked = chance.choice(fleet.models, count, p=shares / shares.sum())
    told = []
    numbers = [places(share, fleet.machines) for share in shares / shares.sum()]
    for now, model in zip(times.tolist(), asked.tolist(), strict=True):
        found = _ask(machines, numbers[model], model, now, fleet, chance)
        if now > fleet.seconds / 2:
            told.append(found)
    answered = np.array([seconds for seconds, _ in filter(None, told)])
    return Outcome(
        median_s=float(np.median(answered)),
        p95_s=float(np.quantile(answered, 0.95)),
        refused=1 - len(answered) / len(told),
        cold=sum(found[1] for found in told if found) / len(told),
        busiest=max(machine.worked for machine in machines) / fleet.seconds,
    )


def _ask(
    machines: list[_Machine],
    numbers: int,
    model: int,
    now: float,
    fleet: Fleet,
    chance: np.random.Generator,
) -> tuple[float, bool] | None:
    for number in chance.permutation(numbers)[:TRIES].tolist():
        machine = machines[place(model, number, fleet.machines)]
        if math.ceil(machine.wait(now) / fleet.answer_s) <= MAX_QUEUE:
            return machine.answer(model, now, fleet)
    return None


def main() -> None:
    """Print a table: machines, models, load, and what came of it."""
    print("machines models  load   median      95th   refused  loaded  busiest")
    for machines, models in ((1, 3), (10, 6), (100, 24)):
        for load in (0.3, 0.5, 0.7):
            found = simulate(Fleet(machines=machines, models=models, load=load))
            print(
                f"{machines:8} {models:6} {load:5.0%} {found.median_s * 1e3:5.0f} ms "
                f"{found.p95_s * 1e3:6.0f} ms {found.refused:9.3%} {found.cold:7.3%} "
                f"{found.busiest:8.0%}"
            )


if __name__ == "__main__":
    main()
