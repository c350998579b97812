"""The faults of the libraries, each with its program, and how a program is run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from streamsim.simulator.brokers.broker import embedded_command, free_port
from tests.stacks import listening, until

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that the engine steps around.

    Parameters
    ----------
    program
        Name of the program that shows it.
    around
        Where the engine steps around it: a file of ours.
    slow
        Whether it takes longer than eight seconds: two rebalances.
    """

    program: str
    around: str
    slow: bool = False

    @property
    def path(self) -> Path:
        """The program's file."""
        return PROGRAMS / f"{self.program}.py"


FAULTS = (
    Fault("head_is_committed", "consumers/worker/transport.py"),
    Fault("failed_event_is_acknowledged", "consumers/worker/app.py"),
    Fault("acknowledged_is_forgotten", "consumers/worker/transport.py", slow=True),
    Fault("events_before_seek", "consumers/worker/transport.py", slow=True),
    Fault("early_events_are_lost", "consumers/worker/transport.py", slow=True),
    Fault("slow_seek_ends_recovery", "consumers/worker/transport.py"),
    Fault("refused_commit_counts", "consumers/worker/transport.py"),
    Fault("full_partitions_sleep", "consumers/worker/transport.py"),
    Fault("fetch_wait_is_fixed", "consumers/worker/transport.py"),
    Fault("web_server_despite_setting", "consumers/worker/app.py"),
    Fault("windows_expire_by_wall_clock", "consumers/featurize/history.py"),
    Fault("end_signal_is_lost", "consumers/worker/shared/follower.py"),
    Fault("thread_ends_unheard", "simulator/processes/children.py"),
    Fault("stop_is_cancelled", "simulator/processes/children.py"),
    Fault("commit_crosses_generations", "consumers/worker/transport.py"),
    Fault("full_batch_is_silent", "consumers/worker/output.py"),
    Fault("refused_connection_leaks", "simulator/brokers/broker.py"),
)
OUTLIVES_ITS_BROKER = "stop_is_cancelled"


def start_broker() -> tuple[subprocess.Popen[bytes], str]:
    """Start an embedded broker that creates the programs' topics; return process and address."""
    port = free_port()
    process = subprocess.Popen(
        [*embedded_command(port), "-create-topics"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: listening(f"127.0.0.1:{port}"), "the broker")
    except BaseException:
        stop(process)
        raise
    return process, f"127.0.0.1:{port}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that must not stay."""
    process.kill()
    process.wait()


def run(program: Path, broker: str, folder: Path) -> str:
    """Run a program and return what it prints; it writes its files into the folder."""
    done = subprocess.run(
        [sys.executable, str(program), broker],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.stdout if _verdict(done.stdout) else done.stdout + done.stderr


def run_past_its_broker(program: Path, folder: Path) -> str:
    """Run a program that asks for the end of its broker."""
    broker, address = start_broker()
    try:
        with subprocess.Popen(
            [sys.executable, str(program), address],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                stop(broker)
                return said + process.communicate("\n", timeout=PATIENCE_S)[0]
            finally:
                process.kill()
    finally:
        stop(broker)


def check(fault: Fault, output: str) -> None:
    """Fail if the output does not show that the fault is still there."""
    verdict = _verdict(output)
    assert verdict, f"{fault.program} says neither fault nor mended:\n{output}"
    assert verdict.startswith("fault: "), (
        f"{verdict}\nRemove the step-around in {fault.around}, the program "
        f"tests/upstream/programs/{fault.program}.py, its line in tests/upstream/faults.py and "
        "its entry in docs/faust.md."
    )


def _verdict(output: str) -> str:
    """Return the last line that is a verdict, or nothing."""
    verdicts = [x for x in output.splitlines() if x.startswith(("fault: ", "mended: "))]
    return verdicts[-1] if verdicts else ""
