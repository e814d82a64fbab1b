"""Where in a training script's dictionaries the network is, and what is wrapped around its names.

No list of wrappers is needed: wherever the stem of an EfficientNet is found, in whatever
dictionary and under whatever prefix, the network is what has that prefix. What stands beside it in
the same dictionary is a loss that nobody needs, a last layer, or something unknown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.limits import MAX_NESTING, MAX_NETWORKS
from effnet_core.weights.key_names import STEMS
from effnet_core.weights.reading.pickled import ADVICE
from effnet_core.weights.tensor_shapes import COUNTER

_AVERAGED = re.compile(r"(^|[_.])(ema|swa|averaged?|shadow)([_.]|$)", re.IGNORECASE)
_OPTIMISER = re.compile(r"optim", re.IGNORECASE)
_PROFILER = frozenset(("total_ops", "total_params"))
_AVERAGING = frozenset(
    ("n_averaged", "num_updates", "updates", "ema_updates", "decay", "ema_decay", "step", "initted")
)
_LOSSES = re.compile(
    r"(?:.*[_.])?(?:criterion|loss|loss_fn|losses|metrics?|acc|accuracy|auroc|f1|precision|recall"
    r"|confusion_?matrix)(?:[_.\d].*)?",
    re.IGNORECASE,
)
_LAYERS = re.compile(
    r"(?:.*[_.])?(?:fc|head|linear|dense|proj|projection|logits?|classifier|layers?)\d*(?:\..*)?",
    re.IGNORECASE,
)
"""Names of layers that answer, whatever stands before them: ArcFace's own head is `metric_fc`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Tensors found in a file, by the names that they have under `prefix` in `containers`.

    `outside` are tensors of the same dictionary that are not the network's and may change what it
    answers; `ignored` says in words what was left out because it cannot, and which other networks
    the file holds.
    """

    containers: tuple[str, ...]
    prefix: str
    tensors: dict[str, Any] = field(repr=False)
    outside: dict[str, Any] = field(default_factory=dict, repr=False)
    ignored: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """How a person names it: the dictionaries' keys and the prefix, dotted; "." for neither."""
        return (
            ".".join((*self.containers, *self.prefix.removesuffix(".").split("."))).strip(".")
            or "."
        )

    @property
    def is_averaged(self) -> bool:
        """Whether its name says that it is an average over training steps."""
        return _AVERAGED.search(self.key) is not None


def find_network(content: object, file_name: str, key: str | None = None) -> Network:
    """The network in what a file holds; `key` names one of several.

    Of averaged and plain weights the averaged ones are taken. Raises CheckpointError where nothing
    is a state dict or several networks are equally good, and InvalidInput for a `key` that names
    none or several.
    """
    dictionaries = list(_dictionaries(content, file_name))
    found = [network for path, one in dictionaries for network in _networks(path, one, file_name)]
    if not found:
        return _unknown(dictionaries, file_name)
    chosen = _best(found, file_name) if key is None else _named(found, key, file_name)
    others = tuple(
        f"{other.key} ({'averaged' if other.is_averaged else 'plain'} weights of a network)"
        for other in found
        if other is not chosen
    )
    ignored, outside = dict.fromkeys((*chosen.ignored, *others)), chosen.outside
    if key is not None:
        ignored, outside = {**ignored, **dict.fromkeys(map(_short, outside))}, {}
    return Network(
        containers=chosen.containers,
        prefix=chosen.prefix,
        tensors=chosen.tensors,
        outside=outside,
        ignored=tuple(ignored),
    )


def is_tensor(value: object) -> bool:
    """Whether it is an array, or a tensor of torch where that is loaded at all."""
    return isinstance(value, np.ndarray) or (
        "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)
    )


def _dictionaries(
    content: object, file_name: str
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every dictionary that holds tensors by name, with the keys that lead to it; outer first."""
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    seen: set[int] = set()
    for path, one in waiting:  # grows while it is read
        if not isinstance(one, Mapping) or id(one) in seen:
            continue
        seen.add(id(one))
        if len(path) > MAX_NESTING:
            raise CheckpointError(
                f"{file_name} nests its dictionaries deeper than {MAX_NESTING} levels, which no "
                f"trainer does, so it is refused; {ADVICE}"
            )
        named = {name: value for name, value in one.items() if isinstance(name, str)}
        tensors = {name: value for name, value in named.items() if is_tensor(value)}
        if tensors:
            yield path, tensors
        waiting += [((*path, name), value) for name, value in named.items()]


def _networks(path: tuple[str, ...], tensors: dict[str, Any], file_name: str) -> Iterator[Network]:
    """Every network of one dictionary: one for each prefix that stands before a stem."""
    prefixes = {
        name.removesuffix(stem)
        for name in tensors
        for stem in STEMS
        if name == stem or name.endswith(f".{stem}")
    }
    if len(prefixes) > MAX_NETWORKS:
        raise CheckpointError(
            f"{file_name} holds {len(prefixes):,} networks; one of at most {MAX_NETWORKS} is read."
        )
    # The longest prefix of a name is the one that it belongs to.
    longest_first = sorted(prefixes, key=len, reverse=True)
    owners = {
        name: next((prefix for prefix in longest_first if name.startswith(prefix)), None)
        for name in tensors
    }
    beside = {name: value for name, value in tensors.items() if owners[name] is None}
    harmless = tuple(name for name, value in beside.items() if _is_harmless(name, value))
    for prefix in sorted(prefixes):
        own = {n.removeprefix(prefix): v for n, v in tensors.items() if owners[n] == prefix}
        unread = tuple(name for name, value in own.items() if _is_unread(name, value))
        yield Network(
            containers=path,
            prefix=prefix,
            tensors={name: value for name, value in own.items() if name not in unread},
            outside={name: value for name, value in beside.items() if name not in harmless},
            ignored=_listed((*unread, *harmless)),
        )


def _unknown(dictionaries: list[tuple[tuple[str, ...], dict[str, Any]]], file_name: str) -> Network:
    """What is most like a state dict where no EfficientNet's stem is: its names are told later."""
    likely = [(p, d) for p, d in dictionaries if not any(map(_OPTIMISER.search, p))]
    if not likely:
        raise CheckpointError(
            f"{file_name} does not hold a state dict (names and tensors); {ADVICE}"
        )
    path, tensors = max(likely, key=lambda one: len(one[1]))
    read = {name: value for name, value in tensors.items() if not _is_unread(name, value)}
    return Network(containers=path, prefix="", tensors=read or tensors)


def _best(found: list[Network], file_name: str) -> Network:
    averaged = [network for network in found if network.is_averaged]
    best = averaged or found
    if len(best) > 1:
        names = ", ".join(_short(network.key) for network in best[:6])
        raise CheckpointError(
            f"{file_name} holds {len(best)} networks ({names}); say which as the weights key "
            "(--weights-key on the command line)."
        )
    return best[0]


def _named(found: list[Network], key: str, file_name: str) -> Network:
    exact = [network for network in found if network.key == key]
    parts = key.split(".")
    within = [network for network in found if _holds(network.key.split("."), parts)]
    chosen = exact or within
    if len(chosen) != 1:
        names = ", ".join(_short(network.key) for network in found[:6])
        what = "no network" if not chosen else f"{len(chosen)} networks"
        raise InvalidInput(
            f"The weights key {key!r:.80} names {what} in {file_name}; it holds {names}."
        )
    return chosen[0]


def _holds(parts: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` stands somewhere in `parts`, unbroken."""
    count = len(wanted)
    return any(parts[start : start + count] == wanted for start in range(len(parts)))


def _is_unread(name: str, value: Any) -> bool:
    """Whether evaluation never reads it: counters of profilers, averages and odd batch counts.

    A whole-numbered count of batches stays: it is read by who trains on.
    """
    leaf = name.rpartition(".")[2]
    if leaf == COUNTER:
        return bool(value.ndim) or not str(value.dtype).endswith("int64")
    return leaf in _PROFILER or (leaf in _AVERAGING and _size(value) <= 1)


def _is_harmless(name: str, value: Any) -> bool:
    module = name.rpartition(".")[0] or name
    is_loss = _LOSSES.fullmatch(module) is not None and _LAYERS.fullmatch(module) is None
    return is_loss or _is_unread(name, value)


def _size(value: Any) -> int:
    """How many numbers it has: `numel` in torch, `size` in NumPy."""
    return int(value.size if isinstance(value, np.ndarray) else value.numel())


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    """Names in words; of many with one leaf the first and how many more."""
    by_leaf: dict[str, list[str]] = {}
    for name in names:
        by_leaf.setdefault(name.rpartition(".")[2], []).append(name)
    return tuple(
        _short(each[0]) + (f" and {len(each) - 1:,} more {leaf}" if len(each) > 1 else "")
        for leaf, each in by_leaf.items()
    )


def _short(name: str) -> str:
    return f"{name:.80}"
