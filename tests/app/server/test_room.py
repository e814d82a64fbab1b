"""Room for uploads: bytes and turns, shared out so that nobody keeps all others out."""

from __future__ import annotations

import asyncio

import pytest

from app.server import room as rooms
from app.server.room import Room, Sender
from tests.aside import run


def test_there_is_room_for_so_much_at_once() -> None:
    held = [900]
    room = Room(lambda: held[0], 1000, wait=30.0)

    async def tried() -> list[str]:
        told: list[str] = []

        async def take(name: str, nbytes: int) -> None:
            await room.take(nbytes)
            told.append(name)

        first = asyncio.create_task(take("small", 50))
        second = asyncio.create_task(take("large", 100))
        await asyncio.sleep(0.3)
        assert told == ["small"]
        room.give_back(50)
        await asyncio.wait_for(asyncio.gather(first, second), 30)
        return told

    assert run(tried()) == ["small", "large"] and room.coming == 100


def test_sessions_take_turns_each_with_all_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_PAUSE_S", 0.5)
    room = Room(lambda: 0, 1000, wait=30.0, sessions=1)

    async def tried() -> list[str]:
        told: list[str] = []

        async def files(session: str) -> None:
            for number in range(3):
                await room.take(10, Sender(session))
                told.append(f"{session}{number}")
                await asyncio.sleep(0.05)
                room.give_back(10, Sender(session))

        asked = [asyncio.create_task(files("a"))]
        await asyncio.sleep(0.01)
        asked += [asyncio.create_task(files(name)) for name in "bc"]
        await asyncio.wait_for(asyncio.gather(*asked), 30)
        return told

    assert run(tried()) == [f"{session}{number}" for session in "abc" for number in range(3)]
    assert room.coming == 0 and not room._queue


def test_a_session_has_its_turn_as_long_as_its_files_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "_PAUSE_S", 0.1)
    room = Room(lambda: 0, 1000, wait=30.0, sessions=1)

    async def tried() -> None:
        await room.take(10, Sender("a"))
        other = asyncio.create_task(room.take(10, Sender("b")))
        await asyncio.sleep(0.5)
        assert not other.done() and room.coming == 10
        room.give_back(10, Sender("a"))
        await asyncio.wait_for(other, 30)

    run(tried())


def test_two_files_of_a_session_wait_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_PAUSE_S", 0.1)
    room = Room(lambda: 0, 1000, wait=30.0, sessions=1)

    async def tried() -> None:
        await room.take(10, Sender("a"))
        waiting = [asyncio.create_task(room.take(600, Sender("b"))) for _ in range(2)]
        await asyncio.sleep(0.2)
        room.give_back(10, Sender("a"))
        (first, *_), (last, *_) = await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
        assert first.done()
        await asyncio.sleep(0.5)  # its turn is over where nothing of it came
        room.give_back(600, Sender("b"))
        await asyncio.wait_for(last, 30)

    run(tried())


def test_an_address_leaves_room_and_turns_to_others() -> None:
    room = Room(lambda: 0, 1000, wait=0.3, sessions=4)

    async def tried() -> None:
        for number in range(3):
            await room.take(200, Sender(f"a{number}", "1.1.1.1"))
        for nbytes in (200, 10):  # too many bytes, too many sessions
            with pytest.raises(Exception, match="503"):
                await room.take(nbytes, Sender("a3", "1.1.1.1"))
        with pytest.raises(Exception, match="503"):
            await room.take(200, Sender("a0", "1.1.1.1"))
        await room.take(200, Sender("b", "2.2.2.2"))

    run(tried())
