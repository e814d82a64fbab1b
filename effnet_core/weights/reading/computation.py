"""How a network is computed where no tensor tells: activation, batch-norm's eps, padding, pooling.

timm keeps what a network was made with in `config.json` (`model_args`, `global_pool`) and in its
checkpoints (`args`). What the spec can say is followed; whatever else would change the logits is
refused, because a network without it answers wrongly with a straight face.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from effnet_core.architecture.family import Activation, Padding
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError

ACTIVATIONS: Mapping[str, Activation] = {
    "swish": "silu",
    "silu": "silu",
    "relu": "relu",
    "relu6": "relu6",
}
"""Other libraries' words for the activations that are built here."""

_PADDINGS: Mapping[str, Padding] = {"": "symmetric", "same": "same"}
_MEANS = ("avg", "fast", "fastavg")
_OF_TRAINING = frozenset(
    (
        *("num_classes", "in_chans", "pretrained", "checkpoint_path", "scriptable", "exportable"),
        *(
            "drop_rate",
            "drop_path_rate",
            "drop_connect_rate",
            "drop_block_rate",
            "bn_momentum",
            "bn_tf",
        ),
    )
)
"""timm's words that leave the logits of given tensors alone."""


@dataclass(frozen=True, kw_only=True)
class Computation:
    """How a network is computed, as far as it is stated; None where nothing is.

    `fixed_padding` are the blocks that transformers pads alike on both sides, None for padding
    that the picture decides.
    """

    activation: Activation | None = None
    bn_eps: float | None = None
    padding: Padding | None = None
    fixed_padding: tuple[int, ...] | None = None

    def of(self, spec: ArchitectureSpec) -> ArchitectureSpec:
        """`spec`, computed in this way."""
        return dataclasses.replace(spec, **self._stated)

    def changes(self, spec: ArchitectureSpec) -> str:
        """In words what it says otherwise than `spec`, "" for nothing."""
        words = {"activation": "activation", "bn_eps": "batch-norm eps", "padding": "padding"}
        return ", ".join(
            f"{words[name]} {value:g}" if isinstance(value, float) else f"{words[name]} {value}"
            for name, value in self._stated.items()
            if value != getattr(spec, name)
        )

    @property
    def _stated(self) -> dict[str, Any]:
        values = {"activation": self.activation, "bn_eps": self.bn_eps, "padding": self.padding}
        return {name: value for name, value in values.items() if value is not None}


def from_timm(values: Mapping[str, Any], source: str) -> Computation:
    """What the arguments of one of timm's networks ask for, its `source` being named in errors.

    Raises CheckpointError for what the networks here cannot follow.
    """
    pooling = values.get("global_pool") or "avg"
    if pooling not in _MEANS:
        raise _refusal(source, "global_pool", pooling, "the mean over all places is pooled here")
    others = values.keys() - _OF_TRAINING - {"global_pool", "act_layer", "bn_eps", "pad_type"}
    for name in sorted(others):
        if values[name] not in (None, "", False, {}, []):
            raise _refusal(source, name, values[name], "networks made with it are not built here")
    return Computation(
        activation=_known(values, "act_layer", ACTIVATIONS, source),
        bn_eps=_eps(values, source),
        padding=_known(values, "pad_type", _PADDINGS, source),
    )


def _known(values: Mapping[str, Any], name: str, known: Mapping[str, Any], source: str) -> Any:
    said = values.get(name)
    if said is None:
        return None
    if not isinstance(said, str) or said.lower() not in known:
        words = ", ".join(word or "''" for word in known)
        raise _refusal(source, name, said, f"{words} are built here")
    return known[said.lower()]


def _eps(values: Mapping[str, Any], source: str) -> float | None:
    said = values.get("bn_eps")
    if said is None:
        return 1e-3 if values.get("bn_tf") is True else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 1e-12 <= said <= 1:
        raise _refusal(source, "bn_eps", said, "a number from 1e-12 to 1 is expected")
    return float(said)


def _refusal(source: str, name: str, value: object, why: str) -> CheckpointError:
    return CheckpointError(
        f"{source} says {name} = {value!r:.60} of the network, which changes what it computes: "
        f"{why}. Take that out to have it computed otherwise all the same."
    )
