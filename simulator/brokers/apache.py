"""A single-node Apache Kafka as a process of this machine: KRaft, loopback, no Docker.

``python -m streamsim.simulator.brokers.apache`` runs one until it is stopped.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

from streamsim.simulator.brokers.broker import TOPIC_CONFIG, wait_for_broker
from streamsim.simulator.brokers.jars import find_java, kafka_version, set_up
from streamsim.simulator.brokers.ports import HOST, is_free, steady_ports
from streamsim.simulator.processes.children import Child, Children
from streamsim.streams.errors import BrokerError, StreamsimError

USUAL_PORT = 9092
HEAP_MB = 768
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""JVM options for a short run beside a busy stack. They take two fifths less processor time than
the defaults and are no slower (measured on two cores)."""
READY_S, STOP_S = 90.0, 20.0
ATTEMPTS = 5
"""Another program may take a port between its choice and its use."""
ENDING = (signal.SIGINT, signal.SIGTERM)


class ApacheKafka:
    """One broker with its data in a folder; a context manager that starts and stops it.

    It can be killed and started again, with the same address and data.

    Parameters
    ----------
    folder
        Holds data, configuration and log. It is not removed.
    port
        The port that clients connect to; by default a free one.
    say
        Called with a line of progress when a step takes long.

    Examples
    --------
    >>> with ApacheKafka(folder) as kafka:  # doctest: +SKIP
    ...     run_something_on(kafka.address)
    ...     kafka.kill()
    ...     kafka.start()
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        jars = set_up(say)
        self._java = [
            find_java(), f"-Xmx{HEAP_MB}m", *JVM,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", os.pathsep.join(map(str, jars)),
        ]  # fmt: skip
        self._folder = folder
        self._given = port
        self._ports: tuple[int, int] | None = None
        self._child: Child | None = None
        self._children = Children(folder / "logs")

    def __enter__(self) -> ApacheKafka:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """The address of the broker (``HOST:PORT``), once it has been started."""
        assert self._ports is not None
        return f"{HOST}:{self._ports[0]}"

    @property
    def pid(self) -> int:
        """The process id of the broker."""
        assert self._child is not None
        return self._child.process.pid

    @property
    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self._child is not None and self._child.alive

    @property
    def data(self) -> Path:
        """The folder of the broker's data."""
        return self._folder / "data"

    def start(self) -> None:
        """Start the broker on the data in its folder, and wait until it answers.

        Raises
        ------
        BrokerError
            If it does not start.
        """
        for attempt in range(ATTEMPTS):
            chosen = self._ports is None and self._given is None
            if self._ports is None:
                self._ports = steady_ports(self._given)
                self._configure(*self._ports)
            if not is_free(self._ports[0]):  # another program's broker would pass for ours
                raise BrokerError(f"{self.address} is taken by another program")
            self._child = self._children.start("kafka", self._command("kafka.Kafka"), {})
            try:
                wait_for_broker(self.address, READY_S, self._child.process)
                return
            except BrokerError as error:
                self._children.stop(self._child, 0)
                said = self._child.tail()
                if not chosen or attempt == ATTEMPTS - 1 or "BindException" not in said:
                    raise BrokerError(f"Apache Kafka does not start: {error}\n{said}") from None
                self._ports = None

    def kill(self) -> None:
        """Kill the broker, as ``kill -9`` does; the data that it wrote stays."""
        self._end(signal.SIGKILL, STOP_S)

    def stop(self) -> None:
        """Stop the broker with SIGTERM, and kill it if it does not stop in time."""
        self._end(signal.SIGTERM, STOP_S)

    def restart(self) -> None:
        """Kill the broker and start it again."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Stop the broker for good: it cannot be started again."""
        self.stop()
        self._children.stop_all(STOP_S)

    def wait(self) -> None:
        """Wait while the broker runs; raise :class:`StackError` when it ends by itself."""
        assert self._child is not None
        self._child.process.wait()
        self._children.check()

    def _end(self, number: signal.Signals, grace_s: float) -> None:
        if self._child is None:
            return
        self._child.process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            self._child.process.wait(grace_s)
        self._children.stop(self._child, 0)

    def _command(self, main: str, *arguments: str) -> list[str]:
        return [*self._java, main, *arguments, str(self._folder / "server.properties")]

    def _configure(self, port: int, controller: int) -> None:
        """Write the configuration; format the storage if it is not formatted yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        rows = server_properties(port, controller, self.data)
        lines = (f"{name}={value}\n" for name, value in rows.items())
        (self._folder / "server.properties").write_text("".join(lines))
        if (self.data / "meta.properties").exists():
            return
        command = self._command(
            "kafka.tools.StorageTool", "format", f"--cluster-id={random_id()}", "--config"
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = (done.stderr or done.stdout).strip()
            raise BrokerError(f"Apache Kafka cannot use {self.data}: {why}")


def random_id() -> str:
    """Return a new id for a cluster: 16 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def server_properties(port: int, controller: int, data: Path) -> dict[str, str]:
    """Return the configuration of a broker that is its own controller."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "log.dirs": str(data),
        # One node has one replica of everything.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # Topics are declared in the domains' specs; a wrong name is to fail.
        "auto.create.topics.enable": "false",
        "message.max.bytes": TOPIC_CONFIG["kafka"]["max.message.bytes"],
        "log.retention.ms": "-1",
        "log.retention.bytes": "-1",
        # The controller registers a killed broker again only after its last session has expired
        # (by default 9 s).
        "broker.session.timeout.ms": "5000",
        "broker.heartbeat.interval.ms": "1000",
    }


class _Stopped(Exception):
    """The user has asked the broker to stop."""


def run(port: int | None) -> None:
    """Run a broker with its data in a temporary folder until SIGINT or SIGTERM."""

    def stop(number: int, frame: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # once is enough; it takes a moment
        raise _Stopped

    for number in ENDING:
        signal.signal(number, stop)
    port = port or (USUAL_PORT if is_free(USUAL_PORT) else None)
    with (
        suppress(_Stopped),
        tempfile.TemporaryDirectory(prefix="streamsim-kafka-") as folder,
        ApacheKafka(Path(folder), port=port, say=_say) as kafka,
    ):
        _say(
            f"Apache Kafka {kafka_version()} on {kafka.address}, until Ctrl-C; its data is in\n"
            f"{folder} and goes with it. To run a stack on it:\n\n"
            f"    streamsim up --broker {kafka.address}\n"
        )
        kafka.wait()


def _say(text: str) -> None:
    print(text, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a broker in the foreground, or only fetch and check its jars."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.brokers.apache",
        description="A single-node Apache Kafka.",
    )
    parser.add_argument(
        "--port", type=int, help=f"of the loopback (default {USUAL_PORT}, if it is free)"
    )
    parser.add_argument("--setup", action="store_true", help="fetch and check the jars, and exit")
    arguments = parser.parse_args(argv)
    try:
        if arguments.setup:
            find_java()
            set_up(_say)
        else:
            run(arguments.port)
    except StreamsimError as error:
        print(f"streamsim.simulator.brokers.apache: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
