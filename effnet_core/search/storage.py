"""Where a search keeps its trials: SQLite for one machine, PostgreSQL for several; and its study.

Whatever is wrong with a storage is told in a sentence, without its password.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from effnet_core.errors import EffnetError, InvalidInput

try:
    import optuna
    import sqlalchemy.exc
except ImportError as error:
    raise InvalidInput(
        "The search needs Optuna: `pip install 'effnet-explorer[search]'` installs it, with the "
        "driver for PostgreSQL."
    ) from error

ABOUT = "effnet"
"""The study's attribute that says what is searched, on which photos, by which recipe."""

STUDY = "alpha-beta-gamma"

INTERVAL, GRACE = 20, 120
"""Seconds between two signs of life of a trial, and after how many without any it is lost."""

_URL = re.compile(r"(sqlite|postgresql)(\+\w+)?://.*")
_PASSWORD = re.compile(r"(//[^:/@]*):.*@")  # greedy: a password may hold an @


class SearchError(EffnetError):
    """A search cannot begin or go on."""


def open_storage(
    url: str, *, interval: int = INTERVAL, grace: int = GRACE
) -> optuna.storages.RDBStorage:
    """The storage at `url`, its tables made where there are none; raises SearchError."""
    if not _URL.fullmatch(url):
        raise InvalidInput(
            "The storage is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; got "
            f"{shown(url)!r:.120}."
        )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    driven = re.sub(r"^postgresql://", "postgresql+psycopg://", url)
    sqlite = url.startswith("sqlite")
    waiting = {"timeout": 60} if sqlite else {"connect_timeout": 10}
    try:
        with warnings.catch_warnings():  # signs of life are an experimental feature
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.storages.RDBStorage(
                driven,
                engine_kwargs={"connect_args": waiting, "pool_pre_ping": True},
                heartbeat_interval=interval,
                grace_period=grace,
            )
    except (sqlalchemy.exc.SQLAlchemyError, RuntimeError, ImportError) as error:
        raise SearchError(_sentence(error, url)) from None


def open_study(
    storage: optuna.storages.RDBStorage,
    name: str,
    about: Mapping[str, Any],
    pruner: optuna.pruners.BasePruner,
) -> optuna.Study:
    """The study `name`, begun or gone on with; raises SearchError where it is about another search.

    `about` is what may not change between its trials, as plain values.
    """
    told = json.loads(json.dumps(about))
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        pruner=pruner,
    )
    begun = study.user_attrs.get(ABOUT)
    if begun is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(ABOUT, told)  # whoever else begins it now writes the same, or is told
        begun = study.user_attrs.get(ABOUT)
    if begun != told:
        raise SearchError(_differs(name, begun, told))
    return study


def load_study(storage: optuna.storages.RDBStorage, name: str) -> optuna.Study:
    """A study that was begun; raises SearchError where there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        raise SearchError(f"The storage holds no search called {name!r:.80}.") from None


@contextmanager
def guarded(url: str) -> Iterator[None]:
    """Raise SearchError where the storage fails under the work in the block."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise SearchError(_sentence(error, url)) from error


def shown(url: str) -> str:
    """The address without its password."""
    return _PASSWORD.sub(r"\1:…@", url)


def _differs(name: str, begun: object, told: Mapping[str, Any]) -> str:
    words = {"data": "set of photos", "recipe": "recipe"}
    known = begun if isinstance(begun, dict) else {}
    changed = [key for key in told if known.get(key) != told[key]]
    what = " and ".join(dict.fromkeys(words.get(key, key) for key in changed)) or "form"
    return (
        f"The search {name!r:.80} was begun with another {what} than now; give another --study, "
        "or what it was begun with."
    )


def _sentence(error: BaseException, url: str) -> str:
    """What is wrong with a storage, for whoever can mend it."""
    reason, place = " ".join(str(error).split()).split(" [SQL")[0], shown(url)
    reason = reason.split(" (Background")[0]
    if isinstance(error, ImportError):
        return (
            "PostgreSQL needs its driver: `pip install 'effnet-explorer[search]'` installs psycopg."
        )
    if "password" in reason and ("authentication failed" in reason or "no password" in reason):
        return f"{place} refuses the user or the password; give the right ones in --storage."
    if "does not exist" in reason and "database" in reason:
        return f"{place} has no such database; make it with `createdb`, or name another."
    if isinstance(error, RuntimeError):
        return (
            f"The tables in {place} are of another version of Optuna than the one installed here "
            f"({optuna.__version__}); install that version, run `optuna storage upgrade`, or give "
            "another database."
        )
    if re.search(
        r"refused|could not translate|resolve|timeout|No such file|unable to open", reason
    ):
        return f"{place} cannot be reached; start the database, or give another --storage."
    return f"The storage {place} failed ({_PASSWORD.sub(r'…', reason):.200})."
