"""The networks of a search: one exact cost, whatever is proposed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.scaling import PAPER_RULE
from effnet_core.cost.report import analyze
from effnet_core.errors import InvalidInput
from effnet_core.search import space as module
from effnet_core.search.pricing import price
from effnet_core.search.space import NoNetwork, SearchSpace, read
from effnet_core.search.surface import Shares, lattice, shares_at
from effnet_core.training.family.duel import duel


@pytest.fixture(scope="module")
def own() -> SearchSpace:
    return read()


def test_every_proposal_costs_the_same_within_three_per_cent(own: SearchSpace) -> None:
    costs = []
    for place in lattice(28):
        proposal = own.propose(shares_at(place))
        layers = sum(layer.mult_adds for layer in analyze(own.spec(proposal)).layers)
        assert layers == proposal.mult_adds
        assert min(proposal.rule.alpha, proposal.rule.beta, proposal.rule.gamma) >= 1 - 1e-6
        costs.append(layers)
    assert max(costs) / min(costs) - 1 <= module.APART
    assert len(set(costs)) > 5


def test_resolution_alone_is_the_duels(own: SearchSpace) -> None:
    found = own.propose(Shares(0, 0, 1))
    four = duel(-4.5, around=10.5e6, base_resolution=64, num_classes=25)
    (rival,) = (one for one in four.contenders if one.strategy == "resolution")
    assert found.coefficients.resolution == rival.coefficients.resolution == 64
    assert found.mult_adds == rival.mult_adds


def test_the_base_is_the_papers_at_its_phi(own: SearchSpace) -> None:
    assert own.base == PAPER_RULE.coefficients(-4.5, base_resolution=64)
    assert own.surface.cost_factor**own.phi * own.base_mult_adds == pytest.approx(own.mult_adds)


def test_a_rule_is_what_the_network_was_scaled_by(own: SearchSpace) -> None:
    found = own.propose(Shares(0.3, 0.3, 0.4))
    assert found.coefficients.depth == pytest.approx(
        own.base.depth * found.rule.alpha**own.phi, abs=1e-6
    )
    assert found.coefficients.resolution == pytest.approx(
        own.base.resolution * found.rule.gamma**own.phi
    )


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Return a function that writes the own search with other fields."""
    stated = json.loads(
        (Path(__file__).parents[3] / "assets/search/processor.json").read_text(encoding="utf-8")
    )

    def write(**fields: Any) -> str:
        path = tmp_path / "search.json"
        path.write_text(json.dumps({**stated, **fields}), encoding="utf-8")
        return str(path)

    return write


def test_a_cost_between_all_networks_is_a_sentence(written: Any) -> None:
    far = read(written(mult_adds=3_000_000, phi=1))
    with pytest.raises(NoNetwork, match=r"100% resolution costs 3\.0 M multiply-adds"):
        far.propose(Shares(0, 0, 1))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"format": "x"}, 'says "format": "effnet-search/1"'),
        ({"phi": 0}, "must be above 0"),
        ({"mult_adds": 1_000_000}, "must lie above 1"),
        ({"more": 1}, "unknown field 'more'"),
        ({"recipe": {"epoch": 3}}, "no field called 'epoch'"),
        ({"list": "nowhere.json"}, "cannot be read as a list of runs"),
    ],
)
def test_what_is_wrong_with_a_search_is_a_sentence(
    written: Any, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read(written(**fields))


def test_a_search_is_priced_before_it_begins(own: SearchSpace) -> None:
    found = price(own, "grid", 12, seed=0, photos=12_500, mult_adds_per_second=1e9)
    recipe = own.recipe
    assert found.trials == len(lattice(12)) == 10 == len(found.proposals) + found.unreachable
    steps = (12_500 - recipe.held_out) // recipe.batch
    assert found.photos == 10 * recipe.epochs * steps * recipe.batch
    mean = sum(one.mult_adds for one in found.proposals) / len(found.proposals)
    work = mean * (3 * found.photos + 10 * recipe.epochs * recipe.held_out)
    assert found.mult_adds == pytest.approx(work, rel=1e-6)
    assert found.seconds == pytest.approx(work / 3e9)
    assert found.spread <= module.APART
    unknown = price(own, "tpe", 3, seed=0, photos=None, mult_adds_per_second=None)
    assert unknown.photos is unknown.mult_adds is unknown.seconds is None
