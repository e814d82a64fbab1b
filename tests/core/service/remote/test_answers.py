"""What the engine's worker does with a question, whoever carries it there."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from effnet_core.errors import Busy, EffnetError, OutOfTime
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.service.remote import answers, wire
from effnet_core.service.remote.answers import Answers
from effnet_core.service.visitors import Visitor
from effnet_core.weights.store import WeightsStore

QUESTION = wire.question("classify", {"request": ClassifyRequest(b"x" * 100, "lite0")})


class Waiting(InferenceService):
    """A service that answers nothing, and looks whether somebody still waits."""

    def asked_by(self, visitor: Visitor) -> Any:
        self._visitor = visitor
        return self

    def classify(self, request: ClassifyRequest) -> Any:
        self._visitor.wait(threading.Event().wait)


class Failing(InferenceService):
    """A service that fails in a way that nobody foresaw."""

    def classify(self, request: ClassifyRequest) -> Any:
        raise ZeroDivisionError("secret")


def test_work_ends_when_nobody_waits(tmp_path: Path) -> None:
    found = Answers(Waiting(WeightsStore(tmp_path), device="cpu"))
    found.begin("one")
    threading.Timer(0.2, found.end, ("one",)).start()
    status, data = found.answer("one", "classify", "", QUESTION)
    assert (status, str(wire.read_refusal(data))) == (503, "Nobody waits for this answer any more.")
    found.end("one")  # it has ended: nothing happens


def test_a_question_that_nobody_wants_is_not_begun(tmp_path: Path) -> None:
    found = Answers(Failing(WeightsStore(tmp_path), device="cpu"))
    found.begin("one")
    found.end("one")
    assert found.answer("one", "classify", "", QUESTION)[0] == 503


def test_too_many_questions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AT_ONCE", 2)
    found = Answers(Failing(WeightsStore(tmp_path), device="cpu"))
    found.begin("one")
    found.begin("two")
    with pytest.raises(Busy, match="try again"):
        found.begin("three")
    found.answer("one", "classify", "", QUESTION)
    found.begin("three")


def test_what_nobody_foresaw_gets_a_sentence_without_its_message(tmp_path: Path) -> None:
    found = Answers(Failing(WeightsStore(tmp_path), device="cpu"))
    found.begin("one")
    status, data = found.answer("one", "classify", "", QUESTION)
    error = wire.read_refusal(data)
    assert (status, type(error)) == (500, EffnetError)
    assert "ZeroDivisionError" in str(error)
    assert "secret" not in str(error)


def test_a_picture_is_kept_for_the_next_question(tmp_path: Path) -> None:
    found = Answers(Failing(WeightsStore(tmp_path), device="cpu"))
    asked = {"request": ClassifyRequest(b"x" * 100, "lite0")}
    named = wire.question("classify", asked, with_picture=False)
    for data, status in ((named, 409), (QUESTION, 500), (named, 500)):
        found.begin("one")
        assert found.answer("one", "classify", "", data)[0] == status


def test_an_upload_that_is_not_here_is_asked_for(tmp_path: Path) -> None:
    found = Answers(InferenceService(WeightsStore(tmp_path), device="cpu"))
    found.begin("one")
    status, data = found.answer("one", "spec", "", wire.question("spec", {"weights": "upload:1.2"}))
    assert (status, str(wire.read_refusal(data))) == (409, "weights")


@pytest.mark.parametrize(("error", "number"), [(Busy(""), 429), (OutOfTime(""), 503)])
def test_refusals_have_https_numbers(error: EffnetError, number: int) -> None:
    assert wire.status(error) == number
