"""The method's parameters: a form made of what the method declares."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.state import Choice, Number
from effnet_core.attribution import Method, Parameter, Value


def choose(method: Method) -> tuple[tuple[str, Value], ...]:
    """The form that the method's declared parameters make; it is sent as a whole."""
    if not method.parameters:
        return ()
    with st.form(f"parameters-{method.id}"):
        given = [(p.name, _draw_parameter(method, p)) for p in method.parameters]
        st.form_submit_button("Apply", width="stretch")
    return tuple(given)


def _draw_parameter(method: Method, parameter: Parameter) -> Value:
    key = f"{method.id}.{parameter.name}"
    if parameter.kind == "bool":
        on = bool(parameter.default)
        return st.toggle(parameter.title, on, key=key, help=parameter.help, **widgets.KEPT)
    if parameter.kind == "choice":
        choice = Choice(
            key=key,
            label=parameter.title,
            options=parameter.choices,
            default=str(parameter.default),
            help=parameter.help,
        )
        return widgets.segmented(choice)
    assert parameter.minimum is not None and parameter.maximum is not None
    kind = int if parameter.kind == "int" else float
    number = Number(
        key=key,
        label=parameter.title,
        default=kind(parameter.default),
        low=parameter.minimum,
        high=parameter.maximum,
        step=kind(parameter.step or 1),
        help=parameter.help,
    )
    return widgets.number(number)
