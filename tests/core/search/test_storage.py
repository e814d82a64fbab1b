"""What is wrong with a storage is a sentence, without its password."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from effnet_core.errors import InvalidInput
from effnet_core.search import storage
from effnet_core.search.storage import SearchError, open_storage, shown
from tests.core.search.formula import study


def test_another_set_of_photos_or_recipe_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    study(url, {"recipe": {"epochs": 3}, "data": "one"})
    study(url, {"recipe": {"epochs": 3}, "data": "one"})
    with pytest.raises(SearchError, match="was begun with another set of photos than now"):
        study(url, {"recipe": {"epochs": 3}, "data": "other"})
    with pytest.raises(SearchError, match="was begun with another recipe than now"):
        study(url, {"recipe": {"epochs": 4}, "data": "one"})
    with pytest.raises(SearchError, match="another recipe and set of photos"):
        study(url, {"recipe": {"epochs": 4}, "data": "other"})


@pytest.mark.parametrize("revision", ["v2.6.0.a", "v99"])
def test_tables_of_another_version_are_a_sentence(tmp_path: Path, revision: str) -> None:
    file = tmp_path / "search.db"
    open_storage(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    with pytest.raises(SearchError, match="of another version of Optuna"):
        open_storage(f"sqlite:///{file}")


def test_what_is_no_storage_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="The storage is sqlite:///FILE or postgresql://"):
        open_storage("mysql://user:secret@host/name")
    with pytest.raises(SearchError, match="cannot be reached"):
        open_storage(f"sqlite:///{tmp_path}/no/such/folder/search.db")
    (tmp_path / "text.db").write_text("not a database " * 100, encoding="ascii")
    with pytest.raises(SearchError, match=r"failed|cannot be reached"):
        open_storage(f"sqlite:///{tmp_path / 'text.db'}")


def test_a_search_that_was_never_begun_is_a_sentence(tmp_path: Path) -> None:
    place = open_storage(f"sqlite:///{tmp_path / 'search.db'}")
    with pytest.raises(SearchError, match="holds no search called 'other'"):
        storage.load_study(place, "other")


def test_a_password_is_never_shown() -> None:
    assert shown("postgresql://me:se@cr:et@host/name") == "postgresql://me:…@host/name"
    assert shown("postgresql://me@host/name") == "postgresql://me@host/name"
    with pytest.raises(SearchError) as told:
        open_storage("postgresql://me:secret@127.0.0.1:1/name")
    assert "secret" not in str(told.value)
    assert "cannot be reached; start the database" in str(told.value)
