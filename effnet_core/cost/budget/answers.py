"""What a search answers: a network, what it leaves of each limit, and which limit stopped it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.budget.limits import Band, Counts, Latency, Limits, Setting
from effnet_core.cost.memory import run_model


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What a network takes, as in `Limits`; `latency` is None where no limit asks for it."""

    params: int
    mult_adds: int
    weight_bytes: int
    peak_bytes: int
    run_bytes: int
    latency: Band | None = None

    @property
    def memory_bytes(self) -> int:
        """Weights and activations at their peak together."""
        return self.weight_bytes + self.peak_bytes

    @property
    def latency_ms(self) -> float | None:
        """The slow edge of the band, which is what a limit in milliseconds is held to."""
        return None if self.latency is None else self.latency.high_ms

    def broken(self, limits: Limits) -> tuple[str, ...]:
        """The names of the limits that the network breaks."""
        return tuple(name for name, limit in limits.given.items() if getattr(self, name) > limit)


@dataclass(frozen=True, kw_only=True)
class Candidate(Priced):
    """A network of a search; `phi` is None for free coefficients.

    `depth` and `width` are ratios to the baseline, `resolution` is in pixels.
    """

    phi: float | None
    depth: float
    width: float
    resolution: int
    blocks: int

    def spec(self, setting: Setting) -> ArchitectureSpec:
        """The whole architecture."""
        if self.phi is not None:
            return setting.network(self.phi)
        return setting.free_network(self.depth, self.width, self.resolution)

    def timed(self, setting: Setting, latency: Latency | None) -> Candidate:
        """The network with its predicted milliseconds, where there is a prediction."""
        if latency is None:
            return self
        return replace(self, latency=latency(self.spec(setting), setting.batch))


@dataclass(frozen=True)
class Room:
    """One limit beside what the network uses of it, in the limit's unit."""

    name: str
    limit: float
    used: float

    @property
    def left(self) -> float:
        """What is left under the limit; below 0, by how much it is missed."""
        return self.limit - self.used


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The network found; where nothing fits, the one with the fewest multiply-adds searched.

    `binding` names the limits that the next larger network breaks, `ends` the axes on which there
    is none: the search, or the formula's cap, ends there. Where nothing fits, `binding` names the
    limits that even the network shown misses. `searched` says what was tried.
    """

    fits: bool
    network: Candidate
    rooms: tuple[Room, ...]
    binding: tuple[str, ...]
    ends: tuple[str, ...]
    searched: str


def candidate(
    counts: Counts, place: int, *, depth: float, width: float, phi: float | None = None
) -> Candidate:
    """The network at `place` in `counts`, not timed."""
    return Candidate(
        phi=phi,
        depth=depth,
        width=width,
        resolution=int(counts.resolution[place]),
        blocks=int(counts.blocks[place]),
        params=int(counts.params[place]),
        mult_adds=int(counts.mult_adds[place]),
        weight_bytes=int(counts.weight_bytes[place]),
        peak_bytes=int(counts.peak_bytes[place]),
        run_bytes=run_model("onnx", counts.activation).bytes(
            int(counts.weight_bytes[place]), int(counts.peak_bytes[place])
        ),
    )


def rooms(network: Priced, limits: Limits) -> tuple[Room, ...]:
    """Each limit that is set, beside what the network uses of it."""
    return tuple(Room(name, limit, getattr(network, name)) for name, limit in limits.given.items())


def nothing_fits(smallest: Candidate, limits: Limits, searched: str) -> Answer:
    """The answer where no network searched keeps every limit."""
    return Answer(
        fits=False,
        network=smallest,
        rooms=rooms(smallest, limits),
        binding=smallest.broken(limits),
        ends=(),
        searched=searched,
    )
