"""Every command of the README runs, in order."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import free_port
from tests.conftest import ROOT
from tests.stacks import Up, until

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
TARGETS = ("make demo", "make test", "make up", "make kafka")
DOMAIN = ("mkdir", "sed", "STREAMSIM_DOMAINS=")
"""These belong together, in a clone."""
OWN = ("handbook.csv", "encounters.csv", "ml-100k.inter")
"""Files whose commands belong together; the test of one's own models runs them on real data."""
SLOW = ("streamsim bench", "streamsim train", "streamsim up --domain", *DOMAIN)
DATA = ("streamsim bench handbook",)
"""These need real data; the test of real data runs them."""
KAFKA = ("streamsim up --broker",)
"""These need Apache Kafka; the test of ``make kafka`` runs what it says, which is this."""

pytestmark = [pytest.mark.stack, pytest.mark.embedded]


def quick() -> list[str]:
    found = [c for c in COMMANDS if not c.startswith((*TARGETS, *SLOW, *KAFKA))]
    return [c for c in found if not any(name in c for name in OWN)]


@pytest.fixture(scope="module")
def place(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the README's commands assume.

    It has a home folder of its own: these commands train and promote models, which no other test
    may use.
    """
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(registry.root, folder / "home" / "registry")
    (folder / "test_payments.py").write_text(_python())
    (folder / "payments.csv").write_text(
        "event_id,event_time,card_id,terminal_id,amount_cents\n"
        + "".join(
            f"p{i},2025-03-01T{i // 60:02}:{i % 60:02}:00Z,c{i % 5},t1,{1000 + i}\n"
            for i in range(500)
        )
    )
    (folder / "handbook.csv").write_text(
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
        + "".join(map(_payment, range(12_000)))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMSIM_HOME", str(folder / "home"))
        yield folder


def _payment(number: int) -> str:
    """A line in the handbook's form, five minutes after the one before; one in 40 is fraud."""
    at = datetime(2018, 4, 1, tzinfo=UTC) + timedelta(minutes=5 * number)
    fraud = number % 40 == 7
    amount = 900 + number % 50 if fraud else 10 + number % 90
    return f"{number},{at:%Y-%m-%d %H:%M:%S},{number % 97},{number % 31},{amount}.50,{int(fraud)}\n"


@pytest.fixture(scope="module")
def folder(place: Path) -> Iterator[Path]:
    """That folder, and a running stack."""
    with Up(place) as up:
        up.flowing()
        yield place
        up.interrupt()
        assert up.ended() == 0


def shell(command: str, folder: Path, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) > 15
    assert [c for c in COMMANDS if c.startswith(TARGETS)] == list(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_calls_what_exists(target: str) -> None:
    """Only a dry run: the slow test of a fresh clone runs the targets."""
    done = shell(f"{target} --dry-run PYTHON={sys.executable}", ROOT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"streamsim up|pytest|brokers\.apache", done.stdout)


@pytest.mark.long
def test_the_quick_commands(folder: Path) -> None:
    """They share a stack and a folder, as later commands need the files of earlier ones."""
    port = free_port()
    commands = [c.replace("8500", str(port)) for c in quick()]
    serve = next(c for c in commands if "streamsim.models.serve" in c)
    if shutil.which("curl") is None:
        commands = [c for c in commands if not c.startswith("curl")]
    with subprocess.Popen(
        shlex.split(serve), cwd=folder, env=_environment(), start_new_session=True
    ) as service:
        try:
            until(lambda: shell(_probe(port), folder).returncode == 0, "the model service")
            for command in commands:
                if command in (serve, "pytest test_payments.py"):
                    continue
                done = shell(command, folder)
                assert done.returncode == 0, f"{command}\n{done.stderr}"
                assert done.stdout or "timeout" in command or " -o " in command, command
        finally:
            os.killpg(service.pid, signal.SIGTERM)


@pytest.mark.long
def test_the_replay_test_fails_then_passes(folder: Path) -> None:
    first = shell("pytest -p no:randomly test_payments.py", folder)
    assert first.returncode == 1, first.stdout
    assert "there is none" in first.stdout
    assert "scores of c1 around that" in first.stdout
    test = folder / "test_payments.py"
    test.write_text(_python().replace("amount_cents=2_500", "amount_cents=190_000"))
    again = shell("pytest -p no:randomly test_payments.py", folder)
    assert again.returncode == 0, again.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        c
        for c in COMMANDS
        if c.startswith(SLOW)
        and not c.startswith((*DATA, *DOMAIN))
        and not any(name in c for name in OWN)
    ],
)
def test_a_slow_command(command: str, place: Path) -> None:
    """With fewer events or seconds where the command's outcome does not depend on them."""
    shorter = command.replace("--duration 30", "--duration 10")
    if command == "streamsim bench throughput":
        shorter += " --domain finance --events 60000 --rounds 2"
    done = shell(shorter, place, 900)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.slow
def test_a_model_of_ones_own(
    place: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty days of invented payments: the first 70 % are learnt from, the rest is scored.

    In a home of its own: the champion that it trains would judge the other tests' payments.
    """
    shutil.copytree(registry.root, tmp_path / "registry")
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    done = shell("\n".join(c for c in COMMANDS if OWN[0] in c), place, 300)
    assert done.returncode == 0, done.stderr + done.stdout
    scored = re.search(
        r"finance: 12,000 in = 3,600 scored .* 8,400 filtered  \[closed\]", done.stdout
    )
    assert scored, done.stdout
    assert "warm-up    8,400 events filled the state, unscored" in done.stdout
    assert "warning:" not in done.stdout


@pytest.mark.slow
def test_a_domain_of_ones_own(place: Path) -> None:
    shutil.copytree(ROOT / "streams", place / "streams")
    done = shell("\n".join(c for c in COMMANDS if c.startswith(DOMAIN)), place, 300)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"^payments: [\d,]+ in = .*\[closed\]", done.stdout, re.MULTILINE)
    assert "model      payments-fraud 1" in done.stdout


def _python() -> str:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def _probe(port: int) -> str:
    url = f"http://127.0.0.1:{port}/v2/health/ready"
    return f"python -c 'import urllib.request as r; r.urlopen(\"{url}\")'"


def _environment() -> dict[str, str]:
    """The environment with the project's commands on the path, as an activated one has them."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
