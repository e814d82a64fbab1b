"""What logits mean: given, in metadata, or by their number; and one logit's rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.architecture.outputs import Activation
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.network.build import build
from effnet_core.weights import WeightsStore, load_checkpoint, resolve_weights, save_checkpoint
from effnet_core.weights.checkpoints import serialise
from effnet_core.weights.outputs import ACTIVATION_KEY
from effnet_core.weights.rows import as_rows
from effnet_core.weights.tensor_files import parse
from effnet_core.weights.tensor_files import serialise as with_metadata


def saved(path: Path, logits: int, activation: Activation | None = None) -> Path:
    model = build(scaled(-6, resolution=32, num_classes=logits), seed=1)
    with torch.no_grad():
        model.classifier.bias.fill_(0.25)
    save_checkpoint(path, model, activation=activation)
    return path


def test_one_logit_is_a_sigmoids_and_several_are_taken_for_a_softmaxs(tmp_path: Path) -> None:
    one = load_checkpoint(saved(tmp_path / "one.safetensors", 1))
    assert (one.activation, one.activation_source) == ("sigmoid", "one logit")
    assert (one.spec.num_classes, one.classes) == (1, ("class 0",))
    assert one.answers == ("class 0", "not class 0")
    three = load_checkpoint(saved(tmp_path / "three.safetensors", 3))
    assert (three.activation, three.activation_source) == ("softmax", "assumed")
    assert as_rows(three) is three


def test_what_is_given_wins_over_the_file_and_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "three.safetensors", 3, "sigmoid")
    stated, given = load_checkpoint(path), load_checkpoint(path, activation="softmax")
    assert (stated.activation, stated.activation_source) == ("sigmoid", "metadata")
    assert (given.activation, given.activation_source) == ("softmax", "given")


def test_the_softmax_of_one_logit_is_refused_wherever_it_could_enter(tmp_path: Path) -> None:
    path = saved(tmp_path / "one.safetensors", 1)
    one = load_checkpoint(path)
    with pytest.raises(InvalidInput, match="one logit takes a sigmoid"):
        load_checkpoint(path, activation="softmax")
    with pytest.raises(InvalidInput, match="one logit takes a sigmoid"):
        dataclasses.replace(one, activation="softmax")
    with pytest.raises(InvalidInput, match="one logit takes a sigmoid"):
        saved(tmp_path / "refused.safetensors", 1, "softmax")
    file = parse(path.read_bytes(), path.name)
    for meaning in ("softmax", "tanh"):
        more = {**file.metadata, ACTIVATION_KEY: meaning}
        state = {name: torch.from_numpy(values.copy()) for name, values in file.tensors.items()}
        with pytest.raises(CheckpointError, match=f"says '{meaning}' of its activation, which 1 l"):
            load_checkpoint(with_metadata(state, more), file_name="bad.safetensors")


@pytest.mark.parametrize(
    ("names", "rows", "sign"),
    [
        (None, ("class 0", "not class 0"), 1),
        (["cat"], ("cat", "not cat"), 1),
        (["cat", "dog"], ("cat", "dog"), -1),  # label 1, which the logit speaks for, is the second
    ],
)
def test_a_logit_and_its_negative(
    tmp_path: Path, names: list[str] | None, rows: tuple[str, str], sign: int
) -> None:
    one = load_checkpoint(saved(tmp_path / "one.safetensors", 1), classes=names)
    two = as_rows(one)
    assert (two.classes, two.spec.num_classes, two.activation) == (rows, 2, "sigmoid")
    weight, bias = one.tensors["classifier.weight"], one.tensors["classifier.bias"]
    np.testing.assert_array_equal(
        two.tensors["classifier.weight"], [sign * weight[0], -sign * weight[0]]
    )
    assert two.tensors["classifier.bias"].tolist() == [sign * bias[0], -sign * bias[0]]
    assert len(weight) == 1  # the weights themselves are not changed


def test_three_names_do_not_fit_one_logit(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="3 class names"):
        load_checkpoint(saved(tmp_path / "one.safetensors", 1), classes=["a", "b", "c"])


def test_it_survives_saving_importing_and_naming(tmp_path: Path) -> None:
    path = saved(tmp_path / "three.safetensors", 3)
    given = load_checkpoint(path, activation="sigmoid")
    again = load_checkpoint(serialise(given), file_name="again.safetensors")
    assert (again.activation, again.activation_source) == ("sigmoid", "metadata")
    assumed = load_checkpoint(serialise(load_checkpoint(path)), file_name="again.safetensors")
    assert assumed.activation_source == "assumed"  # saving makes no fact of it
    store = WeightsStore(tmp_path / "store")
    record = store.import_file(path, name="mine", activation="sigmoid")
    assert (record.activation, record.activation_source) == ("sigmoid", "given")
    assert store.imported("mine") == record
    assert resolve_weights("mine", store).activation == "sigmoid"
    assert resolve_weights("mine", store, activation="softmax").activation == "softmax"
    two = store.import_file(saved(tmp_path / "one.safetensors", 1), classes=["cat", "dog"])
    assert store.source(two.id).load().answers == ("cat", "dog")
