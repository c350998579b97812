"""Fixtures that the whole suite shares. Nothing here starts a process unless it is asked for."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import streamsim.streams.domains
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.simulator.model_training import ensure_champions
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.settings import EMBEDDED, PREFIX, read_settings
from streamsim.streams.spec import DomainSpec
from tests import postgres, trained
from tests.brokers import BROKERS, KAFKA, Embedded, select
from tests.guarded import GUARD

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the command line does, and for the same reason

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
OWN_HOME = read_settings(
    environ={k: v for k, v in os.environ.items() if k == f"{PREFIX}HOME"}
).home_path
"""The home of the person who runs the tests: models are read there, and nothing is written."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=(EMBEDDED, KAFKA),
        default=EMBEDDED,
        help="what stacks run on; with kafka, only the tests that a broker matters to",
    )


def pytest_configure(config: pytest.Config) -> None:
    BROKERS.kind = config.getoption("--broker")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unfit = select(items)
    if unfit:
        config.hook.pytest_deselected(items=unfit)
        items[:] = [item for item in items if item not in unfit]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.sharing import Sharing

    return Sharing(config, log)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that models will be trained: nothing else is seen of it for minutes."""
    if hasattr(config, "workerinput") or os.environ.get("TEST_MODELS"):
        return None
    names = trained.stale(Path(config.cache.mkdir("models")), OWN_HOME / "registry")
    if not names:
        return None
    return (
        f"models: tests that need them first train {', '.join(names)}, whose code has changed "
        "(minutes); TEST_MODELS=<registry> takes yours (CONTRIBUTING.md)"
    )


def counted(config: pytest.Config) -> dict[str, Counter[str]]:
    """Count the tests that ran: on a broker, or on none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in reporter.stats.get(outcome, ()) if reporter else ():
            name = BROKERS.name if "stack" in getattr(report, "keywords", ()) else "no broker"
            counts.setdefault(name, Counter())[outcome] += 1
    return counts


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, counts in sorted(counted(config).items()):
        ran = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        terminalreporter.write_line(f"{name}: {ran}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let tests that are to run on Apache Kafka not be skipped without anybody noticing."""
    worker = hasattr(session.config, "workerinput")
    counts = counted(session.config).get(BROKERS.name, Counter())
    if BROKERS.kind == KAFKA and not worker and (counts["skipped"] or not counts["passed"]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_domain_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test the folders of domains that it added."""
    path = list(streamsim.streams.domains.__path__)
    monkeypatch.setattr(streamsim.streams.domains, "__path__", path)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no setting of the machine reach a test, and no test write to the user's home."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(PREFIX):
            del os.environ[name]
    os.environ["STREAMSIM_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session", autouse=True)
def _brokers_end(clean_environment: None) -> Iterator[None]:
    yield
    BROKERS.close()
    GUARD.close()


@pytest.fixture
def streamsim_broker() -> Callable[[], AbstractContextManager[str]]:
    """Have the fixture ``stack`` run on what this session's tests run on."""
    return BROKERS.for_stack


@pytest.fixture
def stack_broker() -> Iterator[str]:
    """What ``streamsim up --broker`` is to be told: a clean broker of this session's kind."""
    with BROKERS.for_stack() as broker:
        yield broker


@pytest.fixture
def broker_process() -> Iterator[ApacheKafka | Embedded]:
    """A clean broker that runs, of this session's kind, to be killed and started again."""
    with BROKERS.process() as process:
        yield process


@pytest.fixture
def broker(broker_process: ApacheKafka | Embedded) -> str:
    """The address of a clean broker that runs, of this session's kind."""
    return broker_process.address


@pytest.fixture(scope="session")
def home(clean_environment: None) -> Path:
    """The suite's home folder."""
    return Path(os.environ["STREAMSIM_HOME"])


@pytest.fixture(scope="session")
def finance() -> DomainSpec:
    """The finance domain."""
    return load_domain("finance")


@pytest.fixture(scope="session")
def retail() -> DomainSpec:
    """The retail domain."""
    return load_domain("retail")


@pytest.fixture(scope="session")
def technology() -> DomainSpec:
    """The technology domain."""
    return load_domain("technology")


@pytest.fixture(scope="session")
def registry(home: Path, request: pytest.FixtureRequest) -> Registry:
    """A registry with a champion for every domain.

    Training takes minutes. Its result is kept for the next run, until the code changes that a
    model is trained by; what ``make setup`` has trained is used as well. ``TEST_MODELS`` names a
    registry to begin with, for changes to that code that do not change what models learn.
    """
    registry = Registry(home / "registry")
    if given := os.environ.get("TEST_MODELS"):
        shutil.copytree(given, registry.root)
        ensure_champions(registry)
        return registry
    trained.fill(registry, request.config.cache.mkdir("models"), OWN_HOME / "registry")
    return registry


@pytest.fixture(scope="session")
def streamsim_model(streamsim_model: Callable[[str], Any], registry: Registry) -> Any:
    """The plugin's, which trains a model where there is none: in this suite there always is."""
    return streamsim_model


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server, but for the database's name; skip where none runs."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(postgres.server())
        except postgres.NoServer as reason:
            pytest.skip(f"no PostgreSQL: {reason}")
        yield address


@pytest.fixture
def postgresql(postgresql_server: str) -> str:
    """The address of an empty database on a PostgreSQL server."""
    address = postgresql_server.format("postgres")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET lock_timeout = '10s'")  # for who left a transaction open
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return address


def real(path: Path, what: str) -> Path:
    """Return where real data is; skip where it is not there."""
    if not path.exists():
        pytest.skip(f"{what} are not there ({path.relative_to(DATA)})")
    return path


@pytest.fixture(scope="session")
def handbook() -> Path:
    """The handbook's real transactions."""
    return real(DATA / "finance" / "transactions.parquet", "the real transactions")


@pytest.fixture(scope="session")
def tills() -> Path:
    """The folder of the three tills' real files."""
    return real(DATA / "retail" / "truth.json", "the real tills' files").parent


@pytest.fixture(scope="session")
def cdnow() -> Path:
    """The purchases of CDNOW's customers."""
    return real(DATA / "retail-cdnow" / "transactions.txt", "the purchases at CDNOW")


@pytest.fixture(scope="session")
def customers() -> Path:
    """The retailer's database of real households."""
    return real(DATA / "retail" / "customers.sqlite", "the real households")


@pytest.fixture(scope="session")
def turbofans() -> Path:
    """NASA's engines, run to their failure: C-MAPSS, FD001."""
    return real(DATA / "logistics" / "train_FD001.txt", "NASA's engines")


@pytest.fixture(scope="session")
def hospital() -> Path:
    """The folder of the real encounters and the real notes."""
    return real(DATA / "healthcare" / "encounters.csv.gz", "the real encounters").parent
