"""The wheel in another project, which has folders called models, streams and consumers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import free_port
from streamsim.simulator.brokers.embedded import building
from tests.conftest import ROOT
from tests.integration.installed import (
    FOLDERS,
    Environment,
    build,
    copy_checkout,
    in_source,
    in_wheel,
    run,
)
from tests.stacks import until

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.embedded]

PROJECT = {
    "models/__init__.py": 'OURS = "a model of the project"\n',
    "models/loaded.py": 'raise ImportError("the project\'s own")\n',
    "streams/__init__.py": 'OURS = "a stream of the project"\n',
    "consumers/theirs.py": 'OURS = "a consumer of the project"\n',  # a namespace package
    "test_payments.py": """\
from consumers.theirs import OURS
from models import OURS as MODEL
from streams import OURS as STREAM
from streamsim import Scenario


def test_an_unusual_payment_is_noticed(replay):
    events = Scenario("finance")
    for day in range(1, 11):
        events.add("transactions", at=f"2025-03-{day:02}T12:00:00Z",
                   card_id="c1", terminal_id="t1", amount_cents=2_000 + 10 * day)
    events.add("transactions", at="2025-03-11T03:00:00Z",
               card_id="c1", terminal_id="t9", amount_cents=190_000)
    outcome = replay(events)
    outcome.expect_alert("suspected_fraud", on="c1", after="2025-03-11", within_s=86_400)
    outcome.expect_closed(scored=11)


def test_the_project_has_its_own_packages():
    assert (MODEL, STREAM) == ("a model of the project", "a stream of the project")
    assert OURS == "a consumer of the project"
""",
    "tasks.py": """\
from io import BytesIO

import models, streams
import pandas as pd
from streamsim import extract_features, merge_sources, process_users, track_accuracy


def double(users):
    return [2 * user for user in users]


if __name__ == "__main__":
    assert models.OURS != streams.OURS
    tills, people = BytesIO(b"Household ID,Paid\\n0027,12\\n"), BytesIO(b'[{"householdId": 27}]')
    print(len(merge_sources(tills, people, on="household_id")), "merged")
    stays = pd.DataFrame({"creatinine": [1.0, 1.4]})
    print(extract_features(stays, pd.Series(["No cough.", "Cough."]), min_df=1).matrix.shape)
    at = pd.date_range("2025-01-01", periods=40, tz="UTC")
    ids = [f"e{i}" for i in range(40)]
    said = pd.DataFrame({"event_id": ids, "event_time": at, "prediction": 1})
    true = pd.DataFrame({"event_id": ids, "known_at": at, "label": 0})
    print([str(s.change) for s in track_accuracy(said, true, 30, 0.7) if s.change])
    print(sum(process_users(range(100), double, processes=2, chunk=10)))
""",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("build")
    return build(copy_checkout(folder / "checkout"), folder / "out")


@pytest.fixture(scope="module")
def environment(
    built: tuple[Path, Path], registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    return Environment.make(tmp_path_factory.mktemp("stranger") / "env", built[0])


@pytest.fixture(scope="module")
def project(environment: Environment) -> Path:
    folder = environment.folder.parent / "project"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def service(environment: Environment, project: Path) -> Iterator[str]:
    """The address of a model service that the project has started."""
    port = free_port()
    command = [
        str(environment.python), "-m", "streamsim.models.serve", "--model", "finance-fraud",
        "--port", str(port),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=project, env=environment.variables()) as process:
        address = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert process.poll() is None
            try:
                return bool(urlopen(f"{address}/v2/health/ready", timeout=5).status == 200)
            except OSError:
                return False

        try:
            until(ready, "the model service")
            yield address
        finally:
            process.send_signal(signal.SIGTERM)


def test_a_wheel_holds_every_module_and_nothing_else(built: tuple[Path, Path]) -> None:
    files = in_wheel(built[0])
    assert {name.partition("/")[0] for name in files if ".dist-info/" not in name} == {"streamsim"}
    modules = {"streamsim/__init__.py"} | {
        f"streamsim/{path.relative_to(ROOT)}"
        for folder in set(FOLDERS) - {"streamsim"}
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name for name in files if name.endswith(".py")} == modules
    brokers = "streamsim/simulator/brokers"
    sets = sorted(file.relative_to(ROOT) for file in ROOT.glob("streams/domains/*/sets/*.toml"))
    broker = (*building.SOURCES, building.GO_REQUIREMENTS)
    others = {name for name in files - modules if ".dist-info/" not in name}
    assert others == {
        "streamsim/py.typed",
        *(f"{brokers}/pinned/{name}" for name in ("jars.sha256", "pom.xml")),
        *(f"streamsim/{file.as_posix()}" for file in sets),
        *(f"{brokers}/embedded/{name}" for name in broker),
    }


def test_a_source_distribution_holds_what_the_wheel_does(built: tuple[Path, Path]) -> None:
    of_wheel = {name for name in in_wheel(built[0]) if ".dist-info/" not in name}
    source = in_source(built[1])
    assert {name for name in source if name.startswith("streamsim/")} == of_wheel
    assert not [name for name in source if name.startswith("tests/")]


def test_one_name_is_installed_as_real_files(environment: Environment) -> None:
    links = [path for path in (environment.site / "streamsim").rglob("*") if path.is_symlink()]
    assert links == []
    where = "import streamsim.models as m; print(m.__file__)"
    found = run([str(environment.python), "-c", where], environment.folder, environment.variables())
    assert Path(found.strip()).is_relative_to(environment.site)


def test_replay_tests_pass_with_the_plugin(environment: Environment, project: Path) -> None:
    command = [str(environment.python), "-m", "pytest", "-p", "no:cacheprovider"]
    shown = run(command, project, environment.variables())
    assert "2 passed" in shown
    assert re.search(r"^plugins: .*streamsim-", shown, re.MULTILINE)


def test_a_stack_runs(environment: Environment, project: Path) -> None:
    """Broker, producer, worker and model service, all from the wheel."""
    command = ["streamsim", "up", "--domain", "finance", "--headless", "--report", "report.json"]
    options = ["--days", "2", "--speed", "max"]
    shown = run([*command, *options], project, environment.variables())
    assert re.search(r"^finance: [\d,]+ in = .*\[closed\]", shown, re.MULTILINE)
    finance = json.loads((project / "report.json").read_text())["domains"]["finance"]
    assert finance["in"] == finance["scored"] > 100


def test_the_functions_run_from_a_script(environment: Environment, project: Path) -> None:
    shown = run([str(environment.python), "tasks.py"], project, environment.variables())
    lines = shown.splitlines()
    assert lines[0] == "1 merged"
    assert re.fullmatch(r"\(2, \d+\)", lines[1])
    assert lines[2:] == ["['raised']", str(sum(2 * user for user in range(100)))]


def test_many_users_are_answered(environment: Environment, project: Path) -> None:
    command = [str(environment.python), "-m", "streamsim.consumers.scale"]
    options = ["--users", "200", "--items", "100", "--check"]
    shown = run([*command, *options], project, environment.variables())
    assert "all answers are the serial ones" in shown


def test_a_model_is_served(service: str) -> None:
    example = urlopen(f"{service}/predict", timeout=10).read()
    request = Request(f"{service}/predict", example, {"Content-Type": "application/json"})
    answer = json.loads(urlopen(request, timeout=10).read())
    assert (answer["model"], len(answer["scores"])) == ("finance-fraud", 1)
