"""Trained here: a search for α, β and γ, its surface, what each axis explains, its best rule."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.charts.search import figure, words
from app.pages import page
from app.scale.network import ALPHA, BETA, GAMMA, PHI
from app.text import as_csv, counted, minus, percent
from effnet_core.results.searched import FEWEST, SearchRecord, SearchTrial, search_verdict
from effnet_core.results.seeds import RunGroup

_SAMPLERS = {"tpe": "TPE", "random": "random search", "grid": "a grid"}


def draw(record: SearchRecord, points: tuple[RunGroup, ...]) -> None:
    """Draw one search; `points` are the runs on the same photos, the confirming ones among them."""
    with st.container(key=f"search-{record.id}"):
        widgets.heading("A search for α, β and γ", "measured", "computed")
        st.markdown(_about(record))
        if not record.trials:
            return
        widgets.chart(figure.surface(record), words.message(record), key=f"surface-{record.id}")
        _draw_best(record, points)
        _draw_importance(record)
        _draw_trials(record)
        st.caption(
            "While a search runs, `optuna-dashboard STORAGE` shows it, with the --storage of "
            "`effnet search`."
        )


def _about(record: SearchRecord) -> str:
    complete = len(record.complete)
    return (
        f"{counted(len(record.trials), 'trial')} by {_SAMPLERS[record.sampler]} on the surface "
        f"α·β²·γ² = {record.cost_factor:.2f}, {complete} of them trained to the end and "
        f"{record.pruned} pruned by their curve. Each grows the network at "
        f"φ = {minus(record.base_phi)} ({record.base_mult_adds / 1e6:.1f} M multiply-adds) by "
        f"{record.phi:g} steps to {record.mult_adds / 1e6:.1f} M, within 3 % (exact), and learns "
        f"{record.recipe.get('epochs')} epochs on {record.data.train:,} photos; judged on "
        f"{record.data.held_out:,} held out. {counted(record.num_classes, 'class')}."
    )


def _draw_best(record: SearchRecord, points: tuple[RunGroup, ...]) -> None:
    best = record.best
    if best is None or best.rule is None:
        st.info("No trial was trained to the end, so there is no best one.")
        return
    verdict = search_verdict(points, record)
    told = verdict.sentence if verdict else _not_confirmed(record)
    st.markdown(
        f"**Best: {words.rule(best)}**, held-out top-1 {percent(best.top1 or 0)}. {told} "
        f"{widgets.source('measured')}"
    )
    found = best.rule
    values = ((ALPHA, found.alpha), (BETA, found.beta), (GAMMA, found.gamma), (PHI, 1.0))
    st.page_link(
        page("scale"),
        label="Use this rule",
        icon=":material/open_in_full:",
        query_params={field.key: f"{value:.3f}" for field, value in values},
    )


def _not_confirmed(record: SearchRecord) -> str:
    spread = record.spread_of_seeds
    chance = (
        "How much another seed would differ is unknown."
        if spread is None
        else f"Between seeds of one network it differs by {100 * spread:.2f} points."
    )
    return f"It was not trained anew beside the paper's rule. {chance}"


def _draw_importance(record: SearchRecord) -> None:
    found = record.importance
    if not found:
        st.caption(f"Fewer than {FEWEST} trials were trained to the end: no axis' importance.")
        return
    widgets.chart(figure.importance(found), words.importance(found), key=f"importance-{record.id}")
    st.caption(
        f"How much of the variance between {len(record.complete)} complete trials one axis alone "
        "explains (R² of a parabola in the coefficient's logarithm); bars: standard deviation over "
        "bootstrap samples. The axes hang together, as the cost is the same: shares do not add up. "
        f"{widgets.source('computed')}"
    )


def _draw_trials(record: SearchRecord) -> None:
    rows = [_row(one) for one in record.trials]
    with st.expander(f"Every trial ({len(rows)})"):
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="—",
            column_config={
                "FLOPs (multiply-adds)": st.column_config.NumberColumn(format="localized")
            },
            alt=f"{counted(len(rows), 'trial')}: rule, network, exact cost, held-out top-1.",
        )
        widgets.download("Trials, CSV", as_csv(rows), f"{record.id}.csv")


def _row(trial: SearchTrial) -> dict[str, object]:
    rule = trial.rule or trial.proposed
    coefficients = trial.coefficients
    return {
        "Trial": trial.number,
        "State": trial.state,
        "α": round(rule.alpha, 3),
        "β": round(rule.beta, 3),
        "γ": round(rule.gamma, 3),
        "Pixels": coefficients and coefficients.resolution,
        "FLOPs (multiply-adds)": trial.mult_adds,
        "Epochs": len(trial.curve),
        "Held-out top-1 %": None if trial.top1 is None else round(100 * trial.top1, 2),
        "Seed": trial.seed,
        "Training, s": None if trial.seconds is None else round(trial.seconds),
    }
