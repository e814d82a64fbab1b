"""Which networks are timed, how often, and what becomes of the figures; the timer is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.latency import (
    Calibration,
    LatencyMeasurement,
    calibrate,
    check,
    design,
    errors_of,
    this_machine,
    unseen,
)

Timer = Callable[[ArchitectureSpec], LatencyMeasurement]


class Watch:
    """A timer that takes a second a network and disturbs the visits that it is told to."""

    def __init__(self, timer: Timer, disturbed: range = range(0)) -> None:
        self.timer, self.disturbed = timer, disturbed
        self.asked: list[ArchitectureSpec] = []

    def __call__(self, spec: ArchitectureSpec) -> LatencyMeasurement:
        found = self.timer(spec)
        if len(self.asked) in self.disturbed:
            found = replace(found, median_ms=2 * found.median_ms)
        self.asked.append(spec)
        return found

    def clock(self) -> float:
        return float(len(self.asked))


def test_what_is_asked_about_is_never_timed_before() -> None:
    shapes = [replace(spec, name="") for spec in design()]
    assert not any(replace(spec, name="") in shapes for spec in unseen())
    names = [spec.name for spec in unseen()]
    assert names[:5] == ["b0", "b1", "b2", "b3", "b4"]
    assert [spec.phi for spec in unseen()[5:]] == [-4 + half / 2 for half in range(15)]


def test_each_network_is_visited_three_times_and_the_quietest_counts(made_up_timer: Timer) -> None:
    count = len(design())
    quiet = calibrate(timer=made_up_timer, clock=lambda: 0.0)
    for disturbed in (range(count), range(count, 2 * count), range(5, count + 5)):
        watch = Watch(made_up_timer, disturbed)
        found = calibrate(timer=watch, clock=lambda: 0.0)
        assert watch.asked == [*design()] * 3
        assert found.model == quiet.model
    assert quiet.machine == this_machine()


def test_networks_whose_visits_disagree_are_visited_again(made_up_timer: Timer) -> None:
    count = len(design())
    watch = Watch(made_up_timer, disturbed=range(2 * count))
    found = calibrate(timer=watch, clock=lambda: 0.0)
    assert watch.asked == [*design()] * 4
    assert found.model == calibrate(timer=made_up_timer, clock=lambda: 0.0).model
    # Only the third network is disturbed, in all of its first visits but one.
    watch = Watch(made_up_timer)
    watch.disturbed = range(2, 3 + count, count)
    calibrate(timer=watch, clock=lambda: 0.0)
    assert watch.asked == [*[*design()] * 3, design()[2]]


def test_other_programs_make_a_calibration_busy(made_up_timer: Timer) -> None:
    count = len(design())
    idle = calibrate(timer=made_up_timer, clock=lambda: 0.0, load=lambda: lambda: 0.1)
    assert idle.disturbance is not None and not idle.busy
    assert (idle.disturbance.spread, idle.disturbance.others) == (0.0, 0.1)
    loaded = calibrate(timer=made_up_timer, clock=lambda: 0.0, load=lambda: lambda: 1.5)
    assert loaded.busy and loaded.disturbance is not None and loaded.disturbance.others == 1.5
    watch = Watch(made_up_timer, range(count))  # one round of three at half the speed
    uneven = calibrate(timer=watch, clock=lambda: 0.0, load=lambda: lambda: 0.0)
    assert uneven.busy and uneven.disturbance is not None and uneven.disturbance.spread == 1.0
    assert uneven.disturbance.words.startswith("visits to a network differed by 100 %")
    assert Calibration.from_json(uneven.to_json()) == uneven


def test_the_quieter_calibration_is_kept(made_up_timer: Timer) -> None:
    def made(factor: float, others: float) -> Calibration:
        def timer(spec: ArchitectureSpec) -> LatencyMeasurement:
            found = made_up_timer(spec)
            return replace(found, median_ms=factor * found.median_ms)

        return calibrate(timer=timer, clock=lambda: 0.0, load=lambda: lambda: others)

    quiet, loaded, idle_but_slower = made(1.0, 0.0), made(2.0, 1.0), made(2.0, 0.0)
    kept = quiet.quieter(loaded)
    assert kept == replace(quiet, passed_over=loaded.disturbance)
    assert loaded.quieter(quiet) == quiet
    assert quiet.quieter(idle_but_slower) == idle_but_slower  # the machine itself is slower now
    assert loaded.quieter(made(1.5, 1.0)).model != loaded.model  # busy both, the faster is taken
    assert kept.quieter(quiet).passed_over is None


def test_what_never_agrees_ends(made_up_timer: Timer) -> None:
    asked: list[ArchitectureSpec] = []

    def restless(spec: ArchitectureSpec) -> LatencyMeasurement:
        asked.append(spec)
        return replace(made_up_timer(spec), median_ms=2.0 ** -asked.count(spec))

    calibrate(timer=restless, clock=lambda: 0.0)
    assert asked == [*design()] * 8
    asked.clear()
    calibrate(timer=restless, seconds=100, clock=lambda: float(len(asked)))
    assert len(asked) == 100


def test_a_slow_machine_is_visited_once(made_up_timer: Timer) -> None:
    watch = Watch(made_up_timer)
    said: list[tuple[float, str]] = []
    found = calibrate(lambda *now: said.append(now), seconds=10, timer=watch, clock=watch.clock)
    assert watch.asked == [*design()]
    assert found.seconds == len(design())
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert shares[0] == 0 and shares[-1] == (len(design()) - 1) / (3 * len(design()))
    assert said[0][1] == "b0, 64 pixels"


def test_held_out_predictions_stand_beside_measurements(made_up: Calibration) -> None:
    assert [(one.name, one.resolution) for one in made_up.timed] == [
        (spec.name, spec.resolution) for spec in design()
    ]
    for one, error in zip(made_up.timed, made_up.model.held_out_errors, strict=True):
        assert one.error == pytest.approx(error)
    assert errors_of(made_up.timed) == pytest.approx(
        (made_up.model.mean_error, made_up.model.worst_error)
    )


def test_a_check_holds_predictions_against_what_is_then_measured(
    made_up: Calibration, made_up_timer: Timer
) -> None:
    def slower(spec: ArchitectureSpec) -> LatencyMeasurement:
        found = made_up_timer(spec)
        return replace(found, median_ms=found.median_ms * (2 if spec.name == "b2" else 1.25))

    checked = check(made_up, timer=slower, clock=lambda: 0.0)
    assert replace(checked, checked=()) == made_up
    assert [one.name for one in checked.checked] == [spec.name for spec in unseen()]
    errors = {one.name: one.error for one in checked.checked}
    assert errors["b2"] == pytest.approx(-0.5, abs=0.01)
    assert errors_of(checked.checked)[1] == pytest.approx(0.5, abs=0.01)
    assert errors["b0"] == errors[scaled(0.0).name] == pytest.approx(-0.2, abs=0.01)


def test_a_prediction_comes_with_its_band(made_up: Calibration) -> None:
    spec = variant("b1")
    assert made_up.predict(spec) == made_up.model.predict(spec)
