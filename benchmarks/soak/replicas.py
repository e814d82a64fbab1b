"""64 sessions while an app and an engine of two each are killed: nothing wrong, nothing lost.

`python -m benchmarks.soak.replicas` measures it. Some sessions are browsers' that open Classify and
read what it says of a sample; the others ask the engines as an app does, each time about another
picture. A session may be told to try again, and does; more is not forgiven.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import websockets
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from benchmarks.soak.deployed import Deployed, deployed, kill
from benchmarks.soak.rows import Row, at_most, printed
from effnet_core.engines.prediction import Prediction
from effnet_core.errors import Busy, EffnetError
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.service.remote.client import RemoteService
from effnet_core.service.visitors import Visitor
from effnet_core.weights import DEFAULT
from effnet_core.weights.store import WeightsStore

SESSIONS, BROWSERS = 64, 16
PATIENT = 8
"""Sessions whose questions all wait rather than be refused while one engine is away."""
RECOVERY_S = 60.0
PATIENCE_S = 120.0
NOTICED_S = 2.0
"""Until the proxy has seen that a replica is ready again: it looks each second."""
AGAIN = "try again"
QUERY, SAID = "sample=Coffee", b"espresso"


@dataclass
class Seen:
    """What sessions have met: sentences other than "try again" are wrong answers too."""

    browsers: int
    sessions: int
    wrong: list[str] = field(default_factory=list)
    again: int = 0
    answered: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.answered = [0.0] * self.sessions

    def right(self, place: int) -> None:
        """This session has been answered rightly now."""
        self.answered[place] = time.monotonic()

    def told(self, sentence: str) -> None:
        """A session got a sentence instead."""
        with self.lock:
            if AGAIN in sentence:
                self.again += 1
            else:
                self.wrong.append(sentence)

    def all_since(self, moment: float) -> bool:
        """Whether every session has been answered since."""
        return min(self.answered) > moment


def rows(sessions: int = SESSIONS, browsers: int = BROWSERS) -> tuple[Row, ...]:
    """Rows of engines that restart in turn, and of an app and an engine that are killed.

    Wrong answers, sessions that got none or were told to try again, seconds until all had one.
    """
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as found:
        noticed = rolled(found, PATIENT)
        seen, seconds = endured(found, sessions, browsers)
    lost = 0 if seconds < PATIENCE_S else sessions
    who = f"{sessions} sessions, an app and an engine of two killed"
    restarts = f"{PATIENT} sessions, engines restarted one by one"
    return (
        at_most(f"{restarts}: wrong or lost answers", len(noticed.wrong), 0),
        at_most(f"{restarts}: told to try again", noticed.again, 0),
        at_most(f"{who}: wrong answers", len(seen.wrong), 0),
        at_most(f"{who}: sessions without an answer", lost, 0),
        at_most(f"{who}: s until each was answered", seconds, RECOVERY_S),
    )


def endured(found: Deployed, sessions: int, browsers: int) -> tuple[Seen, float]:
    """What sessions have met before and after the first app and engine were killed.

    And the seconds after it until each of them was answered again.
    """
    with under_load(found, sessions, browsers) as seen:
        begun = time.monotonic()
        kill(found.engines[0])
        kill(found.apps[0])
        _until(lambda: seen.all_since(begun))
        return seen, time.monotonic() - begun


def rolled(found: Deployed, sessions: int) -> Seen:
    """What sessions have met while one engine after the other was told to end and started anew."""
    with under_load(found, sessions, 0) as seen:
        for place in range(len(found.engines)):
            found.restart_engine(place, PATIENCE_S)
            time.sleep(NOTICED_S)
            if not _until(partial(seen.all_since, time.monotonic())):
                seen.told(f"a session had no answer for {PATIENCE_S:.0f} s")
    return seen


@contextmanager
def under_load(found: Deployed, sessions: int, browsers: int) -> Iterator[Seen]:
    """Let sessions ask until the end; yields what they meet once each of them was answered."""
    seen, stop = Seen(browsers, sessions), threading.Event()
    picture, expected = known()
    threads = [
        threading.Thread(
            target=_ask, args=(found, place, picture, expected, seen, stop), daemon=True
        )
        for place in range(browsers, sessions)
    ]
    threads.append(threading.Thread(target=_browse, args=(found, seen, stop), daemon=True))
    for thread in threads:
        thread.start()
    try:
        _until(lambda: seen.all_since(0.0))
        yield seen
    finally:
        stop.set()
        end = time.monotonic() + PATIENCE_S
        for thread in threads:
            thread.join(timeout=max(0.0, end - time.monotonic()))


def known() -> tuple[bytes, Prediction]:
    """A picture, and what the model says of it when it is asked in this process."""
    file = io.BytesIO()
    Image.effect_mandelbrot((160, 120), (-2, -1.3, 1, 1.3), 40).save(file, "PNG")
    picture = file.getvalue()
    service = InferenceService(WeightsStore(), device="cpu")
    return picture, service.classify(ClassifyRequest(picture, DEFAULT))


def _until(done: Callable[[], bool]) -> bool:
    """Wait for something for as long as anybody has patience; whether it came."""
    end = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def _ask(
    found: Deployed,
    place: int,
    picture: bytes,
    expected: Prediction,
    seen: Seen,
    stop: threading.Event,
) -> None:
    """One session that asks the engines, each time about a file that they have not seen."""
    service = RemoteService(found.asks).asked_by(Visitor(str(place)))
    for count in itertools.count():
        if stop.is_set():
            return
        other = picture + f"{place}.{count}".encode()  # behind a PNG's end: the same picture
        try:
            answer = service.classify(ClassifyRequest(other, DEFAULT))
        except Busy as error:
            seen.told(str(error))
            time.sleep(0.2)
        except EffnetError as error:
            seen.told(str(error))
        else:
            if answer.probabilities.tobytes() == expected.probabilities.tobytes():
                seen.right(place)
            else:
                seen.told("another answer")
        time.sleep(0.5)


def _browse(found: Deployed, seen: Seen, stop: threading.Event) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(_visit(found, place, seen, stop) for place in range(seen.browsers)))

    asyncio.run(all_of_them())


async def _visit(found: Deployed, place: int, seen: Seen, stop: threading.Event) -> None:
    """One browser: opens the page again and again, and comes back where the line breaks."""
    cookie = ""
    while not stop.is_set():
        try:
            cookie, page = await asyncio.wait_for(_opened(found, cookie), 60)
        except (OSError, websockets.WebSocketException, TimeoutError):
            seen.told(AGAIN)  # as Streamlit says by its own "Connecting"
            await asyncio.sleep(0.5)
            continue
        if SAID in page:
            seen.right(place)
        else:
            seen.told(AGAIN if AGAIN.encode() in page else "a page without its answer")
        await asyncio.sleep(1.0)


async def _opened(found: Deployed, cookie: str) -> tuple[str, bytes]:
    """The cookie that leads back to the same app, and all that the page Classify says."""
    message = BackMsg()
    message.rerun_script.query_string = QUERY
    message.rerun_script.page_name = "classify"
    async with connect(
        f"wss://{found.host}:{found.port}/_stcore/stream",
        ssl=found.context,
        origin=Origin(found.url),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"Cookie": cookie} if cookie else {},
        max_size=None,
    ) as line:
        assert line.response is not None
        cookie = line.response.headers.get("Set-Cookie", cookie).partition(";")[0]
        await line.send(message.SerializeToString())
        page = b""
        while True:
            data = bytes(await line.recv(decode=False))
            page += data
            if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                return cookie, page


if __name__ == "__main__":
    printed(rows())
