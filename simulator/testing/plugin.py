"""The pytest plugin that installs with the package: fixtures for replay-based tests.

``replay``
    Runs a scenario, a recording, a recording's file, or a world through a domain in process.
``stack``
    Does the same on a real stack: broker, model service, Faust worker.
``streamsim_broker``
    Gives ``stack`` its broker, by default the embedded one; override it to use another.
``golden``
    Compares an outcome with a text beside the test; ``--update-golden`` writes it. Where another
    plugin has a fixture of this name, ``streamsim_golden`` is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from streamsim.models.loaded import Loaded
    from streamsim.simulator.testing.outcome import Outcome

# Heavy imports are inside the fixtures: every run of pytest loads the plugin.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.getgroup("streamsim").addoption(
        "--update-golden",
        action="store_true",
        help="write the golden replays again instead of comparing with them",
    )


@pytest.fixture(scope="session")
def streamsim_model() -> Callable[[str], Loaded]:
    """Load a domain's champion once per session."""
    from streamsim.simulator.testing.replay import champion
    from streamsim.streams.domain_registry import load_domain

    loaded: dict[str, Loaded] = {}

    def load(domain: str) -> Loaded:
        if domain not in loaded:
            loaded[domain] = champion(load_domain(domain))
        return loaded[domain]

    return load


@pytest.fixture
def replay(streamsim_model: Callable[[str], Loaded]) -> Callable[..., Outcome]:
    """Replay in process: ``replay(what, domain="finance", hold=False) -> Outcome``.

    ``what`` is a :class:`~streamsim.simulator.testing.scenario.Scenario`, a recording, or its file.
    """
    from streamsim.simulator.testing.replay import replay as run
    from streamsim.simulator.testing.replayable import recording_of

    def do(what: Any, domain: str | None = None, **options: Any) -> Outcome:
        spec, recording = recording_of(what, domain)
        return run(spec, recording, streamsim_model(spec.name), **options)

    return do


@pytest.fixture
def streamsim_broker() -> Callable[[], AbstractContextManager[str]]:
    """Return a context manager's factory: it gives ``embedded``, or the address of an empty broker.

    Override it in a ``conftest.py`` to run ``stack`` on another kind of broker.
    """
    return lambda: nullcontext("embedded")


@pytest.fixture
def stack(
    streamsim_model: Callable[[str], Loaded],
    streamsim_broker: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
) -> Callable[..., Outcome]:
    """Replay on a real stack with a broker of its own; the call is that of ``replay``.

    ``workers=2`` shares the partitions among two workers.
    """
    from streamsim.simulator.testing.onbroker import replay_on_broker
    from streamsim.simulator.testing.replayable import recording_of

    def do(what: Any, domain: str | None = None, **options: Any) -> Outcome:
        spec, recording = recording_of(what, domain)
        streamsim_model(spec.name)  # the stack takes the champion from the registry
        with streamsim_broker() as broker:
            return replay_on_broker(spec, recording, tmp_path, broker=broker, **options)

    return do


@pytest.fixture
def golden(streamsim_golden: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """Compare an outcome with a text beside the test; another plugin may have this name."""
    return streamsim_golden


@pytest.fixture
def streamsim_golden(request: pytest.FixtureRequest) -> Callable[[Outcome], None]:
    """Compare an outcome with a text in ``golden/`` beside the test's file.

    It is called by the file, the classes and the test
    (:func:`~streamsim.simulator.testing.golden.golden_path`).
    """
    from streamsim.simulator.testing.golden import check_golden, golden_path

    def check(outcome: Outcome) -> None:
        path = golden_path(request.path, request.node.nodeid)
        check_golden(path, outcome, update=request.config.getoption("--update-golden"))

    return check
