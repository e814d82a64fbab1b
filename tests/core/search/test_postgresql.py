"""Several workers on one PostgreSQL, which the test starts; and what is wrong with one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy

from effnet_core.search.storage import SearchError, open_storage
from tests.core.search.formula import kill, require_whole, study, worker

PASSWORD = "a/b@c"
QUOTED = "a%2Fb%40c"


def _programs() -> Path | None:
    """Debian keeps the server's programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    anywhere = shutil.which("initdb")
    return found[-1].parent if found else Path(anywhere).parent if anywhere else None


PROGRAMS = _programs()
pytestmark = pytest.mark.skipif(
    PROGRAMS is None and os.environ.get("CI") != "true",
    reason="PostgreSQL was not found (on Debian and Ubuntu: sudo apt-get install postgresql)",
)


@dataclass(frozen=True)
class Server:
    """A server of its own: its port, and the address with the right password."""

    port: int

    def url(self, password: str = QUOTED, name: str = "postgres") -> str:
        return f"postgresql://search:{password}@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL that asks for passwords; as root it runs as the user postgres."""
    assert PROGRAMS is not None, "PostgreSQL is missing: apt-get install postgresql"
    place = Path(tempfile.mkdtemp(prefix="effnet-pg-"))
    as_root = os.geteuid() == 0
    before = ["runuser", "-u", "postgres", "--"] if as_root else []
    if as_root:
        shutil.chown(place, "postgres")
    secret = place / "password"
    secret.write_text(PASSWORD, encoding="ascii")
    secret.chmod(0o644)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]

    def call(*command: str) -> None:
        subprocess.run([*before, *command], cwd=place, check=True, capture_output=True)

    data, control = str(place / "data"), str(PROGRAMS / "pg_ctl")
    make = (str(PROGRAMS / "initdb"), "-D", data, "-U", "search", f"--pwfile={secret}")
    call(*make, "--auth=scram-sha-256", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {place} -c fsync=off"
    call(control, "-D", data, "-l", str(place / "log"), "-w", "-o", options, "start")
    yield Server(port)
    call(control, "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(place, ignore_errors=True)


def test_two_workers_one_killed_none_lost_or_counted_twice(server: Server) -> None:
    url, trials = server.url(), 16
    study(url)
    one, other = (worker(url, trials) for _ in range(2))
    time.sleep(2.0)
    kill(one)
    other.join()
    assert other.exitcode == 0
    require_whole(study(url), trials)


def test_a_wrong_password_and_a_missing_database_are_sentences(server: Server) -> None:
    with pytest.raises(SearchError, match="refuses the user or the password") as told:
        open_storage(server.url("wrong"))
    assert "wrong" not in str(told.value)
    with pytest.raises(SearchError, match="has no such database"):
        open_storage(server.url(name="elsewhere"))


def test_tables_of_another_version_are_a_sentence(server: Server) -> None:
    open_storage(server.url())
    engine = sqlalchemy.create_engine(
        server.url().replace("postgresql://", "postgresql+psycopg://")
    )
    with engine.begin() as connection:
        before = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version"))
        version = before.scalar()
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'v99'"))
    with pytest.raises(SearchError, match="of another version of Optuna"):
        open_storage(server.url())
    with engine.begin() as connection:
        restore = sqlalchemy.text("UPDATE alembic_version SET version_num = :version")
        connection.execute(restore, {"version": version})
