"""``make kafka``: runs in the foreground, prints how to use it, and leaves no process behind."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.apache import USUAL_PORT, ApacheKafka
from streamsim.simulator.brokers.ports import steady_ports
from streamsim.streams.errors import BrokerError
from tests.integration.test_readme import COMMANDS
from tests.stacks import listening, streamsim, until

pytestmark = [pytest.mark.stack, pytest.mark.kafka]


class Foreground:
    """``python -m streamsim.simulator.brokers.apache``, as ``make kafka`` runs it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "kafka.txt"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "streamsim.simulator.brokers.apache",
                    "--port",
                    str(steady_ports(None)[0]),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def says(self, pattern: str) -> str:
        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, self.log.read_text()
            return re.search(pattern, self.log.read_text(), re.MULTILINE)

        return str(until(found, pattern)[1])


@pytest.fixture
def foreground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Foreground]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    started = Foreground(tmp_path)
    yield started
    started.process.kill()
    started.process.wait()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_it_says_what_runs_a_stack_on_it_and_ctrl_c_ends_it(
    foreground: Foreground, registry: Registry, tmp_path: Path
) -> None:
    said = foreground.says(r"^    (streamsim up --broker \S+:\d+)$")
    assert re.sub(r":\d+$", f":{USUAL_PORT}", said) in COMMANDS
    command = shlex.split(said)[1:]
    done = streamsim(*command, "--headless", "--domain", "finance", "--days", "0.2", "--rate", "90")
    assert done.returncode == 0, done.stderr
    assert "[closed]" in done.stdout
    java = psutil.Process(foreground.process.pid).children(recursive=True)
    assert java
    foreground.process.send_signal(signal.SIGINT)
    assert foreground.process.wait(60) == 0
    assert [process for process in java if not gone(process)] == []
    assert not listening(command[-1])
    assert list(tmp_path.glob("streamsim-kafka-*")) == []
    assert "Traceback" not in foreground.log.read_text()


def test_no_process_outlives_a_kill(foreground: Foreground) -> None:
    address = foreground.says(r"--broker (\S+)")
    children = psutil.Process(foreground.process.pid).children(recursive=True)
    foreground.process.kill()
    foreground.process.wait()
    until(lambda: all(map(gone, children)), "the end of its processes")
    assert not listening(address)


def test_the_death_of_the_broker_is_reported(foreground: Foreground) -> None:
    foreground.says(r"(--broker)")
    children = psutil.Process(foreground.process.pid).children(recursive=True)
    next(child for child in children if child.name() == "java").kill()
    assert foreground.process.wait(60) == 3
    assert (
        "streamsim.simulator.brokers.apache: kafka ended with exit code -9"
        in foreground.log.read_text()
    )


def test_a_port_in_use_is_reported(broker: str, tmp_path: Path) -> None:
    port = int(broker.rpartition(":")[2])
    with pytest.raises(BrokerError, match=f"{broker} is taken"), ApacheKafka(tmp_path, port=port):
        pass


def test_it_keeps_address_and_data_when_it_is_killed_or_stopped() -> None:
    with tempfile.TemporaryDirectory() as folder, ApacheKafka(Path(folder)) as kafka:
        address = kafka.address
        kafka.restart()
        kafka.stop()
        assert not listening(address)
        kafka.start()
        assert kafka.address == address
        assert kafka.alive
    assert not kafka.alive
