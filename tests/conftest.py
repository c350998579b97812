"""Fixtures that the whole suite shares. Nothing here starts a process unless it is asked for."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from models.registry import Registry
from simulator.training import ensure_champion
from streams.registry import load_domain
from streams.settings import PREFIX
from streams.spec import DomainSpec

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the command line does, and for the same reason

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


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


@pytest.fixture(scope="session")
def home(clean_environment: None) -> Path:
    """The suite's home folder."""
    return Path(os.environ["STREAMSIM_HOME"])


@pytest.fixture(scope="session")
def finance() -> DomainSpec:
    """The finance domain."""
    return load_domain("finance")


@pytest.fixture(scope="session")
def registry(home: Path, finance: DomainSpec, request: pytest.FixtureRequest) -> Registry:
    """A registry with a champion for every domain.

    Training takes half a minute, so that its result is kept for the next run, for as long as
    nothing changes that goes into it.
    """
    registry = Registry(home / "registry")
    folder = request.config.cache.mkdir("registry")
    kept = folder / _sources()
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may run the tests
        if kept.is_dir():
            shutil.copytree(kept, registry.root)
        ensure_champion(finance, registry, lambda what, share: None)
        if not kept.is_dir():
            shutil.copytree(registry.root, kept)
    return registry


def _sources() -> str:
    """Fingerprint of all that a model is made by."""
    digest = hashlib.sha256(version("scikit-learn").encode())
    for package in ("streams", "consumers", "models", "producers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def handbook() -> Path:
    """The handbook's real transactions; skips where they are not there."""
    path = DATA / "finance" / "transactions.parquet"
    if not path.exists():
        pytest.skip(f"the real transactions are not there ({path.name})")
    return path
