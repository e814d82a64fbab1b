"""Methods and parameters as data: defaults, ranges, texts, and no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.attribution import METHODS, Parameter, find_method
from effnet_core.attribution.cam import COMBINATIONS
from effnet_core.attribution.pixels import PIXEL_METHODS
from effnet_core.errors import InvalidInput

PARAMETERS = [
    pytest.param(parameter, id=f"{method.id} {parameter.name}")
    for method in METHODS
    for parameter in method.parameters
]


def test_every_method_offered_is_computed_and_the_other_way_round() -> None:
    by_stage = {method.id for method in METHODS if method.supports_stages}
    by_pixel = {method.id for method in METHODS if not method.supports_stages}
    assert by_stage == set(COMBINATIONS)
    assert by_pixel == set(PIXEL_METHODS)
    assert METHODS[0].id == "grad-cam"


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_defaults_are_acceptable_and_survive_as_text(parameter: Parameter) -> None:
    assert parameter.check(parameter.default) == parameter.default
    assert parameter.parse(str(parameter.default)) == parameter.default
    assert type(parameter.parse(str(parameter.default))) is type(parameter.default)


@pytest.mark.parametrize("parameter", PARAMETERS)
@given(text=st.text(max_size=8))
def test_any_text_is_a_value_or_gets_the_range(parameter: Parameter, text: str) -> None:
    try:
        value = parameter.parse(text)
    except InvalidInput as error:
        assert parameter.range_words in str(error)
    else:
        assert parameter.check(value) == value


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()))
def test_a_number_is_kept_inside_its_range_only(value: object) -> None:
    steps = find_method("integrated-gradients").parameters[0]
    inside = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 4 <= value <= 256
        and value == int(value)
    )
    if inside:
        assert steps.check(value) == value
    else:
        with pytest.raises(InvalidInput, match="Steps must be a whole number from 4 to 256; got"):
            steps.check(value)


def test_values_fill_in_defaults_in_the_declared_order() -> None:
    values = find_method("integrated-gradients").values((("baseline", "blur"),))
    assert values == (("steps", 32), ("baseline", "blur"), ("batch_size", 8))


def test_unknown_and_repeated_parameters_get_a_sentence() -> None:
    occlusion = find_method("occlusion")
    with pytest.raises(InvalidInput, match="has no parameter 'windo'; it has: window, stride"):
        occlusion.values((("windo", 3),))
    with pytest.raises(InvalidInput, match="given twice"):
        occlusion.values((("window", 32), ("window", 48)))


def test_form_and_drawing_need_no_torch() -> None:
    code = (
        "import sys; from effnet_core.attribution import METHODS, Attribution, render; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_names_are_attribute_errors() -> None:
    import effnet_core.attribution as package

    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        package.magic  # noqa: B018
