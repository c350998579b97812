"""The jars of Apache Kafka: pinned, fetched once by Maven, checksums verified at each use.

``python -m streamsim.simulator.brokers.jars`` prints the checksums of what ``pinned/pom.xml``
resolves to.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from streamsim.simulator.brokers.fetched import run_fetcher, sha256_of
from streamsim.streams.errors import BrokerError, StreamsimError

PINNED = Path(__file__).with_name("pinned")
JAVA = 17
"""The oldest Java that Apache Kafka 4 runs on."""
COPIER = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
FETCH_S = 900
HINT = {
    "java": "on Debian: apt install openjdk-17-jre-headless",
    "mvn": "on Debian: apt install maven",
}


@cache
def pinned() -> Mapping[str, str]:
    """Return the names of the pinned jars, each with its SHA-256."""
    lines = (PINNED / "jars.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def kafka_version() -> str:
    """Return the version of Apache Kafka that is pinned.

    >>> kafka_version().split(".")[0]
    '4'
    """
    found = (re.fullmatch(r"kafka_2\.13-(.+)\.jar", name) for name in pinned())
    return next(match[1] for match in found if match)


def cache_folder() -> Path:
    """Return the folder of the jars: in the user's cache, shared by all homes and clones."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "streamsim" / f"kafka-{kafka_version()}"


def find_java() -> str:
    """Return the path of Java: that of ``JAVA_HOME``, else the one on ``PATH``.

    Raises
    ------
    BrokerError
        If there is no Java, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    needs = f"Apache Kafka needs Java {JAVA} or newer"
    if java is None:
        raise BrokerError(f"{needs}, and there is none ({HINT['java']})")
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    if (version := parse_java(done.stderr + done.stdout)) < JAVA:
        raise BrokerError(f"{needs}, and {java} is {version or 'no Java'} ({HINT['java']})")
    return java


def parse_java(text: str) -> int:
    """Return the feature release in the output of ``java -version``, 0 if it has none.

    >>> parse_java('openjdk version "17.0.15" 2025-04-15'), parse_java('java version "1.8.0_51"')
    (17, 8)
    """
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else 0


def set_up(say: Callable[[str], None]) -> list[Path]:
    """Return the paths of the jars; fetch them first if any is missing or damaged.

    Parameters
    ----------
    say
        Called with a line of progress when a step takes long.

    Raises
    ------
    BrokerError
        If they cannot be fetched, or do not match the pinned checksums.
    """
    folder = cache_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may fetch at once
        if wrong(folder):
            say(f"fetching Apache Kafka {kafka_version()} with Maven (once) ...")
            with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
                fetched = Path(draft, "jars")
                fetch(fetched)
                if names := wrong(fetched):
                    raise BrokerError(
                        f"{names[0]} is not the file that is pinned by its SHA-256; if it is "
                        "damaged, delete it from Maven's own repository (~/.m2) and try again"
                    )
                shutil.rmtree(folder, ignore_errors=True)
                fetched.replace(folder)
    return [folder / name for name in pinned()]


def wrong(folder: Path) -> list[str]:
    """Return the pinned jars that are missing from a folder or have another checksum."""
    return [name for name, digest in pinned().items() if sha256_of(folder / name) != digest]


def fetch(folder: Path) -> None:
    """Let Maven copy the jars into a folder.

    Raises
    ------
    BrokerError
        If Maven is missing or fails.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerError(f"Maven fetches Apache Kafka, and there is none ({HINT['mvn']})")
    command = [
        maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(PINNED / "pom.xml"),
        f"{COPIER}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}",
    ]  # fmt: skip
    done = run_fetcher(command, FETCH_S)
    if done is None:
        raise BrokerError(f"Maven did not fetch Apache Kafka within {FETCH_S} s")
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = re.sub(r"^(\x1b\S*)?\[ERROR\]\S* ", "", said[0]) if said else "no reason given"
        raise BrokerError(f"Maven cannot fetch Apache Kafka; is there a network? It says: {why}")


def main() -> None:
    """Print the checksums of the jars that Maven resolves, as ``sha256sum`` does."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            fetch(Path(folder))
            for path in sorted(Path(folder).iterdir()):
                print(f"{sha256_of(path)}  {path.name}")
    except StreamsimError as error:
        print(f"streamsim.simulator.brokers.jars: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
