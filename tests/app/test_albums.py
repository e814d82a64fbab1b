"""All sessions' pictures together keep within a bound; who makes room, and who does not."""

from __future__ import annotations

import gc
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from app.albums import Album, Albums
from app.pictures import Picture


class Made:
    """A picture of so many bytes."""

    def __init__(self, key: str, nbytes: int) -> None:
        self.key, self.nbytes = key, nbytes


def picture(key: str, nbytes: int) -> Picture:
    return cast(Picture, Made(key, nbytes))


def test_who_looked_longest_ago_makes_room() -> None:
    albums: Albums[Picture] = Albums(100)
    first, second, third = (albums.begin(None) for _ in range(3))
    for album in (first, second):
        albums.put(album, picture("one", 40))
    assert list(albums.look_at(first)) == ["one"]  # so that the second is the one
    albums.put(third, picture("one", 40))
    assert not second and second.made_room
    assert first and third and not first.made_room and albums.nbytes == 80
    albums.put(second, picture("again", 20))
    assert not second.made_room and albums.nbytes == 100


def test_a_visitor_with_many_sessions_makes_room_for_the_others() -> None:
    albums: Albums[Picture] = Albums(100)
    quiet = albums.begin("198.51.100.1")
    albums.put(quiet, picture("mine", 10))
    many = [albums.begin("198.51.100.2") for _ in range(50)]
    for album in many:
        albums.put(album, picture("theirs", 20))
    assert quiet and not quiet.made_room
    assert albums.nbytes <= 100 and sum(map(bool, many)) == 4


def test_the_one_that_is_added_to_keeps_what_it_has() -> None:
    albums: Albums[Picture] = Albums(10)
    alone = albums.begin(None)
    for number in range(3):
        albums.put(alone, picture(str(number), 8))
    assert len(alone) == 3


def test_what_a_session_held_is_free_once_it_has_ended() -> None:
    albums: Albums[Picture] = Albums(100)
    album = albums.begin(None)
    albums.put(album, picture("one", 60))
    albums.remove(album, "none")
    del album
    gc.collect()
    assert albums.nbytes == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), max_size=60))
def test_the_bound_holds_whatever_comes(steps: list[tuple[int, int]]) -> None:
    albums: Albums[Picture] = Albums(90)
    every: list[Album] = [albums.begin(str(place % 2)) for place in range(6)]
    for number, (place, nbytes) in enumerate(steps):
        albums.put(every[place], picture(str(number), nbytes))
        assert every[place]
        assert albums.nbytes <= max(90, every[place].nbytes)
