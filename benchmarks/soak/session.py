"""A visitor who speaks Streamlit's own protocol: opens a page, uploads files, looks at what comes.

Many of them cost little, where as many browsers would not fit into a machine.
"""

from __future__ import annotations

import asyncio
import http.client
import http.cookies
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_TOKEN = "_streamlit_xsrf"
_WAIT_S, _QUIET_S = 600.0, 0.5
_BOUNDARY = "----------------------------visitor"


class Session:
    """One open tab.

    `uploaders` are the ids of its upload fields by label, `texts` what it shows.
    """

    def __init__(self, url: str, line: ClientConnection, token: str, page: str, query: str) -> None:
        self._url, self._line, self._token = url, line, token
        self._page, self._query = page, query
        self.uploaders: dict[str, str] = {}
        self.texts: list[str] = []

    async def run(self, *states: WidgetState) -> None:
        """Ask for a run with these widgets' states and wait until all is drawn."""
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = self._page
        message.rerun_script.widget_states.widgets.extend(states)
        await self._line.send(message.SerializeToString())
        await self._drawn()

    async def upload(self, label: str, files: Mapping[str, Callable[[], bytes]]) -> tuple[int, ...]:
        """Put files, made when their turn comes, into a field and wait until they are taken in.

        Returns the answers' HTTP status codes; files that were refused are left out, as a browser
        leaves them out.
        """
        urls = await self._urls(list(files))
        codes, field = [], WidgetState(id=self.uploaders[label])
        for (name, made), place in zip(files.items(), urls, strict=True):
            code, size = await asyncio.to_thread(self._put, place.upload_url, name, made)
            codes.append(code)
            if code == 204:
                taken = UploadedFileInfo(
                    file_id=place.file_id, name=name, size=size, file_urls=place
                )
                field.file_uploader_state_value.uploaded_file_info.append(taken)
        await self.run(field)
        return tuple(codes)

    def _put(self, path: str, name: str, made: Callable[[], bytes]) -> tuple[int, int]:
        data = made()
        return self.put(path, name, data), len(data)

    def put(self, path: str, name: str, data: bytes) -> int:
        """Send one file as a browser does; return the status code, 0 for a lost connection."""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts = (head.encode(), data, f"\r\n--{_BOUNDARY}--\r\n".encode())
        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(sum(map(len, parts))),
            "Cookie": f"{_TOKEN}={self._token}",
            "X-Xsrftoken": self._token,
            "Origin": self._url,
        }
        line = _connection(self._url)
        try:
            line.request("PUT", path, iter(parts), headers)
            return line.getresponse().status
        except OSError:
            return 0
        finally:
            line.close()

    async def _urls(self, names: list[str]) -> list[FileURLs]:
        message = BackMsg()
        message.file_urls_request.request_id = asked = uuid.uuid4().hex
        message.file_urls_request.file_names.extend(names)
        await self._line.send(message.SerializeToString())
        while True:
            answer = await self._next()
            if answer.file_urls_response.response_id == asked:
                return list(answer.file_urls_response.file_urls)

    async def _drawn(self) -> None:
        """Read until no run goes on: one that calls for another is followed by it at once."""
        finished = False
        while True:
            try:
                answer = await self._next(_QUIET_S if finished else _WAIT_S)
            except TimeoutError:
                if finished:
                    return
                raise
            match answer.WhichOneof("type"):
                case "new_session":
                    finished = False
                    self.texts.clear()
                case "script_finished":
                    finished = True
                case "delta":
                    self._note(answer)

    def _note(self, answer: ForwardMsg) -> None:
        element = answer.delta.new_element
        match element.WhichOneof("type"):
            case "file_uploader":
                self.uploaders[element.file_uploader.label] = element.file_uploader.id
            case "html":
                self.texts.append(element.html.body)
            case "alert":
                self.texts.append(element.alert.body)

    async def _next(self, seconds: float = _WAIT_S) -> ForwardMsg:
        return ForwardMsg.FromString(
            bytes(await asyncio.wait_for(self._line.recv(decode=False), seconds))
        )


@asynccontextmanager
async def visiting(url: str, page: str = "", query: str = "") -> AsyncIterator[Session]:
    """Open a page in a tab of its own; the tab is closed in the end."""
    token = await asyncio.to_thread(_fetch_token, url)
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    async with connect(
        address,
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        additional_headers={"Cookie": f"{_TOKEN}={token}"},
    ) as line:
        session = Session(url, line, token, page, query)
        await session.run()
        yield session


def _fetch_token(url: str) -> str:
    line = _connection(url)
    try:
        line.request("GET", "/_stcore/health")
        answer = line.getresponse()
        answer.read()
        cookies = http.cookies.SimpleCookie(answer.getheader("Set-Cookie", ""))
        return cookies[_TOKEN].value
    finally:
        line.close()


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_WAIT_S)
