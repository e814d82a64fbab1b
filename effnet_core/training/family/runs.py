"""A family of runs as data: which networks are trained, in which order, all by one recipe.

The project's own lists are in assets/family. Where a run departs from the recipe, the list says how
and why. This module needs no torch.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from msgspec import Meta

from effnet_core import files
from effnet_core.architecture.families import V1
from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import (
    PHI_MAX,
    PHI_MIN,
    STRATEGIES,
    ScalingCoefficients,
    Strategy,
    validate_resolution,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_FAMILY_BYTES
from effnet_core.training.recipe import Recipe

T = TypeVar("T")

FORMAT = "effnet-family/1"
LISTS = ("processor", "device")
"""The project's own lists: one that two cores finish in hours, and one for a GPU."""

Phi = Annotated[float, Meta(ge=PHI_MIN, le=PHI_MAX)]
Group = Literal["family", "duel", "ablation", "search"]

_ID = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")  # it names a folder


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Fields of the recipe that a run has otherwise, and why; empty where it departs in nothing."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is stated instead of taken from the formula at `phi`.

    It is grown from the one at φ = `base_phi` along the axes of `strategy`; `phi` is known where
    the formula gives the same network.
    """

    name: str
    strategy: Strategy
    base_phi: Phi
    coefficients: ScalingCoefficients
    phi: Phi | None = None


@dataclass(frozen=True, kw_only=True)
class FamilyRun:
    """One run: the formula's network at `phi`, or a stated one; a seed; where it departs.

    `always` says that it is trained on a CPU too, with what `on_cpu` changes besides.
    """

    id: str
    group: Group
    seed: int = 0
    phi: float | None = None
    network: Network | None = None
    always: bool = False
    changes: Deviation = Deviation()
    on_cpu: Deviation = Deviation()

    @property
    def strategy(self) -> Strategy:
        """Which axes were scaled."""
        return self.network.strategy if self.network else "compound"

    def deviations(self, *, on_cpu: bool) -> tuple[Deviation, ...]:
        """Where this run departs from the recipe on such a device, the later the stronger."""
        both = (self.changes, self.on_cpu if on_cpu else Deviation())
        return tuple(one for one in both if one.recipe)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Runs in their order, their one recipe, and what all networks have in common.

    `class_ids` are the classes that the photos must have, in their order; empty for any. The
    `classifier` begins as the reference's, or at zero, which suits short runs and few classes.
    """

    name: str
    base_resolution: int
    num_classes: int
    recipe: Recipe
    runs: tuple[FamilyRun, ...]
    class_ids: tuple[str, ...] = ()
    classifier: Literal["reference", "zero"] = "reference"

    def spec(self, run: FamilyRun) -> ArchitectureSpec:
        """The network of a run, before the recipe has its say on dropout and stochastic depth."""
        if run.network:
            return expand(
                V1,
                run.network.coefficients,
                name=run.network.name,
                num_classes=self.num_classes,
                phi=run.network.phi,
            )
        assert run.phi is not None  # `read` sees to it
        return scaled(run.phi, base_resolution=self.base_resolution, num_classes=self.num_classes)

    def recipe_of(self, run: FamilyRun, *, on_cpu: bool) -> Recipe:
        """The recipe, with the run's seed and what the run has otherwise on such a device."""
        fields = self.recipe.to_dict()
        for deviation in run.deviations(on_cpu=on_cpu):
            fields.update(deviation.recipe)
        return Recipe.from_dict({**fields, "seed": run.seed})

    def chosen(self, ids: tuple[str, ...] | None) -> tuple[FamilyRun, ...]:
        """The runs with these ids, all for None, in the list's order; raises InvalidInput."""
        if ids is None:
            return self.runs
        known = [run.id for run in self.runs]
        if lacking := [text for text in ids if text not in known]:
            raise InvalidInput(
                f"No run of the list is called {lacking[0]!r:.80}; it has {', '.join(known)}."
            )
        return tuple(run for run in self.runs if run.id in ids)

    def describe(self, run: FamilyRun, *, on_cpu: bool) -> dict[str, Any]:
        """What a run's record says of its place in the family, as plain values."""
        network = run.network
        return {
            "id": run.id,
            "group": run.group,
            "strategy": run.strategy,
            "phi": network.phi if network else run.phi,
            "base_phi": network.base_phi if network else None,
            "seed": run.seed,
            "name": self.spec(run).name,
            "deviations": [dataclasses.asdict(d) for d in run.deviations(on_cpu=on_cpu)],
        }


def list_path(name: str) -> Path:
    """The file of a list: one of the project's own by its name in LISTS, or a file's path."""
    return files.asset(f"assets/family/{name}.json") if name in LISTS else Path(name)


def read(path: Path) -> Family:
    """The family of a list file; raises InvalidInput.

    Every run's network and recipes are made once, so that no run fails later over the list, and a
    run may not "change" a field to what the recipe has already.
    """
    try:
        values = files.read_json(path, MAX_FAMILY_BYTES)
    except (OSError, files.Unfit) as error:
        raise InvalidInput(f"{path} cannot be read as a list of runs ({error}).") from None
    try:
        return _family(values)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"{path.name} is not a list of runs as this version reads it ({error!r:.120})."
        ) from None


def _family(values: dict[str, Any]) -> Family:
    if values.get("format") != FORMAT:
        raise InvalidInput(f'a list of runs says "format": "{FORMAT}".')
    stated = {name: value for name, value in values.items() if name not in ("format", "networks")}
    networks = {key: _network(key, one) for key, one in values.get("networks", {}).items()}
    stated["recipe"] = Recipe.from_dict(values["recipe"])
    stated["runs"] = [_run(one, networks) for one in values["runs"]]
    family = _declared("the list", stated, Family)
    validate_resolution(family.base_resolution, "Base resolution")
    ids = [run.id for run in family.runs]
    if not ids or len(set(ids)) < len(ids):
        raise InvalidInput("a list has at least one run, and no two of one id.")
    if family.class_ids and len(set(family.class_ids)) != family.num_classes:
        raise InvalidInput(f"class_ids must be {family.num_classes} different ones.")
    for run in family.runs:
        ArchitectureSpec.from_json(family.spec(run).to_json())  # all numbers in their bounds
        for on_cpu in (False, True):
            family.recipe_of(run, on_cpu=on_cpu)
        _require_changes(family.recipe, run)
    return family


def _network(key: str, values: dict[str, Any]) -> Network:
    if values["strategy"] not in STRATEGIES:
        raise InvalidInput(f"the strategy of {key} is one of {', '.join(STRATEGIES)}.")
    validate_resolution(values["resolution"])
    stated = dict(values)
    names = [one.name for one in dataclasses.fields(ScalingCoefficients)]
    stated["coefficients"] = {name: stated.pop(name) for name in names}
    return _declared(f"the network {key}", stated, Network)


def _run(values: dict[str, Any], networks: dict[str, Network]) -> FamilyRun:
    run_id = values["id"]
    if not isinstance(run_id, str) or not _ID.fullmatch(run_id):
        raise InvalidInput(f"a run's id is lower-case letters, digits, . + -; got {run_id!r:.90}.")
    if values["group"] not in get_args(Group):
        raise InvalidInput(f"the group of {run_id} is one of {', '.join(get_args(Group))}.")
    if ("phi" in values) == ("network" in values):
        raise InvalidInput(f"{run_id} must have either phi or network.")
    network = values.get("network")
    if network is not None and network not in networks:
        raise InvalidInput(f"{run_id} names no network of the list: {network!r:.60}.")
    if "on_cpu" in values and not values.get("always"):
        raise InvalidInput(f"{run_id} has on_cpu, so it must be trained always: true.")
    for departure in (values[name] for name in ("changes", "on_cpu") if name in values):
        if not str(departure.get("reason", "")).strip():
            raise InvalidInput(f"{run_id} departs from the recipe, so it must say a reason.")
    Recipe(seed=values.get("seed", 0))  # which says what is wrong with a seed
    return _declared(run_id, {**values, "network": networks.get(str(network))}, FamilyRun)


def _declared(where: str, values: dict[str, Any], kind: type[T]) -> T:
    """The values as declared; raises InvalidInput, which says `where` something is wrong."""
    try:
        return files.conform(values, kind)
    except files.Unfit as error:
        raise InvalidInput(f"{where}{str(error).removeprefix('it')}.") from None


def _require_changes(recipe: Recipe, run: FamilyRun) -> None:
    """Raise InvalidInput where a deviation changes nothing, or is the seed, which has its field."""
    known = recipe.to_dict()
    for deviation in run.deviations(on_cpu=True):
        for name, value in deviation.recipe.items():
            if name == "seed" or Recipe.from_dict({**known, name: value}) == recipe:
                raise InvalidInput(
                    f"{run.id} says it changes {name} to {value!r:.40}, which changes nothing."
                )
        known.update(deviation.recipe)
        recipe = Recipe.from_dict(known)
