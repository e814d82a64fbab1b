from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scale.network import BASE, FAMILY, Network
from effnet_core.architecture.families import find_family
from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput

networks = st.one_of(
    st.builds(Network, variant=st.sampled_from(VARIANTS), classes=st.integers(1, 5000)),
    st.builds(
        Network,
        phi=st.floats(-6, 10),
        family=st.sampled_from(FAMILY.options),
        strategy=st.sampled_from(STRATEGIES),
        alpha=st.floats(0.5, 3),
        repeats=st.sampled_from(("ceil", "nearest")),
        base=st.integers(32, 8192),
        pixels=st.sampled_from(("to 8", "to 1")),
        classes=st.integers(1, 5000),
    ),
)


@given(networks)
def test_a_code_reads_back_as_the_same_network(network: Network) -> None:
    assert Network.parse(network.code) == network


@pytest.mark.parametrize(
    "code", ["b99", "phi=abc", "phi=99", "alpha=-1", "colour=red", "phi=", "family=v2-s"]
)
def test_a_code_that_is_no_network_gets_a_sentence(code: str) -> None:
    with pytest.raises(InvalidInput, match=r"\w+.*[.?]$"):
        Network.parse(code)


def test_titles() -> None:
    assert Network(variant="b4").title == "B4"
    assert Network(variant="lite0").title == "Lite0"
    assert Network(variant="v2-b0").title == "V2-B0"
    assert Network(phi=-1.5, strategy="depth").title == "φ = −1.5, depth only"
    assert Network(phi=1.5, family="lite").title == "Lite φ = 1.5"
    assert Network(phi=2, family="v2-b", strategy="width").title == "V2-B φ = 2, width only"


def test_phi_zero_is_b0() -> None:
    assert summarize(Network().spec()) == summarize(variant("b0"))


@pytest.mark.parametrize(
    ("family", "baseline"), [("v1", "b0"), ("lite", "lite0"), ("v2-b", "v2-b0")]
)
def test_phi_zero_is_the_baseline_of_every_family(family: str, baseline: str) -> None:
    network = Network(family=family)
    assert summarize(network.spec()) == summarize(variant(baseline))
    assert find_family(family).resolution == BASE.default
    assert Network(variant=baseline, classes=10).at_zero == Network(family=family, classes=10)


def test_the_baseline_of_a_table_that_no_phi_grows_is_b0() -> None:
    assert Network(variant="v2-s").at_zero == Network()


def test_the_family_of_a_code() -> None:
    assert Network(phi=1, family="lite").code == "phi=1,family=lite"
    assert Network().code == "phi=0.0"


def test_settings_reach_the_architecture() -> None:
    spec = Network(phi=1.0, repeats="nearest", base=300, pixels="to 1", classes=10).spec()
    assert (spec.rounding, spec.resolution, spec.num_classes) == ("nearest", 345, 10)
