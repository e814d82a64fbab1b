"""Which parameters are trained, at which rate and decay, and by which optimizer."""

from __future__ import annotations

from torch import nn, optim

from effnet_core.errors import InvalidInput
from effnet_core.network.model import EfficientNet
from effnet_core.training.recipe import Recipe


def freeze(model: EfficientNet, stages: int) -> tuple[nn.Module, ...]:
    """Stop the training of the first `stages` stages (the stem counts as one); returns them.

    Their batch-norm statistics stand still too, as long as they are kept in evaluation mode.
    Raises InvalidInput if the network has fewer stages before its head.
    """
    if stages > model.last_stage + 1:
        raise InvalidInput(
            f"{model.spec.name} has {model.last_stage + 1} stages; {stages} cannot be frozen."
        )
    parts: list[nn.Module] = [model.stem, *model.stages.values(), model.head]
    frozen = tuple(parts[:stages])
    for part in frozen:
        part.requires_grad_(False)
    return frozen


def parameter_groups(model: EfficientNet, recipe: Recipe) -> list[dict[str, object]]:
    """Trained parameters by rate and decay: batch-norm and biases are not decayed.

    Each group holds `scale`, what its learning rate is multiplied with: `body_rate` outside the
    classifier.
    """
    groups: list[dict[str, object]] = []
    for scale, in_head in ((recipe.body_rate, False), (1.0, True)):
        for decay, is_weight in ((recipe.weight_decay, True), (0.0, False)):
            chosen = [
                parameter
                for name, parameter in model.named_parameters()
                if parameter.requires_grad
                and name.startswith("classifier.") == in_head
                and (parameter.ndim > 1) == is_weight
            ]
            if chosen:
                groups.append({"params": chosen, "weight_decay": decay, "scale": scale})
    return groups


def make_optimizer(model: EfficientNet, recipe: Recipe) -> optim.Optimizer:
    """The recipe's optimizer over the trained parameters.

    SGD is with Nesterov's momentum. RMSProp adds eps outside the square root, as PyTorch does,
    where the paper's TensorFlow adds it inside. Only AdamW's decay is decoupled from the gradient.
    """
    groups = parameter_groups(model, recipe)
    rate = recipe.learning_rate
    if recipe.optimizer == "sgd":
        return optim.SGD(groups, rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
    if recipe.optimizer == "rmsprop":
        return optim.RMSprop(
            groups,
            rate,
            alpha=recipe.rmsprop_decay,
            eps=recipe.rmsprop_eps,
            momentum=recipe.momentum,
        )
    return optim.AdamW(groups, rate, betas=(recipe.momentum, 0.999))


def set_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """Give every group `rate` times its own scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
