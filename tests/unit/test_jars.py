"""Apache Kafka's jars: what is missing is said in one line, what is not pinned is not run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamsim.simulator.brokers import jars
from streamsim.streams.errors import BrokerError

CONTENT = b"a jar"
NAME = "kafka_2.13-4.0.jar"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path, empty at first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def one_jar(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(jars, "pinned", lambda: {NAME: digest})


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def maven(folder: Path, content: bytes) -> None:
    """Put a Maven on the path that copies one jar."""
    program(
        folder,
        "mvn",
        'for word; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done\n'
        f'/bin/mkdir -p "$out" && printf "{content.decode()}" > "$out/{NAME}"',
    )


def test_java_is_asked_for(programs: Path) -> None:
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer, and there is none \(on Deb"):
        jars.find_java()
    program(programs, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer, and \S+/java is 11"):
        jars.find_java()
    program(programs, "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    assert jars.find_java() == str(programs / "java")


def test_maven_is_asked_for_if_anything_is_missing(programs: Path, one_jar: None) -> None:
    with pytest.raises(BrokerError, match=r"Maven fetches Apache Kafka, and there is none \(on D"):
        jars.set_up(print)
    maven(programs, CONTENT)
    (jar,) = jars.set_up(print)
    assert jar.read_bytes() == CONTENT
    (programs / "mvn").unlink()
    assert jars.set_up(print) == [jar]


def test_what_maven_complains_of_is_passed_on(programs: Path, one_jar: None) -> None:
    program(programs, "mvn", "echo '[ERROR] Could not transfer artifact x'; exit 1")
    with pytest.raises(BrokerError, match=r"is there a network\? It says: Could not transfer"):
        jars.set_up(print)


def test_a_jar_that_is_not_the_pinned_one_is_refused(programs: Path, one_jar: None) -> None:
    maven(programs, b"another jar")
    with pytest.raises(BrokerError, match=r"^kafka_2\.13-4\.0\.jar is not the file that is pinned"):
        jars.set_up(print)
    assert not jars.cache_folder().exists()


def test_a_jar_that_was_changed_is_fetched_anew(programs: Path, one_jar: None) -> None:
    maven(programs, CONTENT)
    said: list[str] = []
    (jar,) = jars.set_up(said.append)
    jar.write_bytes(b"changed")
    assert jars.set_up(said.append) == [jar]
    assert jar.read_bytes() == CONTENT
    assert said == ["fetching Apache Kafka 4.0 with Maven (once) ..."] * 2


def test_the_command_says_it_in_one_line(programs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamsim.simulator.brokers.apache", "--setup"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("streamsim.simulator.brokers.apache: Apache Kafka needs Java 17")


def test_every_jar_is_pinned_in_the_version_that_is_asked_for() -> None:
    pom = (jars.PINNED / "pom.xml").read_text()
    assert f"<version>{jars.kafka_version()}</version>" in pom
    assert len(jars.pinned()) > 40
    assert all(len(digest) == 64 for digest in jars.pinned().values())
