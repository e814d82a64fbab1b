from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scale.network import Network
from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput

networks = st.one_of(
    st.builds(Network, variant=st.sampled_from(VARIANTS), classes=st.integers(1, 5000)),
    st.builds(
        Network,
        phi=st.floats(-6, 10),
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


@pytest.mark.parametrize("code", ["b99", "phi=abc", "phi=99", "alpha=-1", "colour=red", "phi="])
def test_a_code_that_is_no_network_gets_a_sentence(code: str) -> None:
    with pytest.raises(InvalidInput, match=r"\w+.*[.?]$"):
        Network.parse(code)


def test_titles() -> None:
    assert Network(variant="b4").title == "B4"
    assert Network(variant="lite0").title == "Lite0"
    assert Network(variant="v2-b0").title == "V2-B0"
    assert Network(phi=-1.5, strategy="depth").title == "φ = −1.5, depth only"


def test_phi_zero_is_b0() -> None:
    assert summarize(Network().spec()) == summarize(variant("b0"))


def test_settings_reach_the_architecture() -> None:
    spec = Network(phi=1.0, repeats="nearest", base=300, pixels="to 1", classes=10).spec()
    assert (spec.rounding, spec.resolution, spec.num_classes) == ("nearest", 345, 10)
