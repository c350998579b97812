"""The public API: its names, its page, what it costs to import, and what each name is."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import streamsim
from streamsim.producers.recording import make_recording
from streamsim.streams.errors import UsageError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
HEADINGS: dict[str, str] = dict(re.findall(r"^### `(\w+)(.*)`$", PAGE, re.MULTILINE))
"""Per name on the page, its parameters as they are written there."""


def test_the_page_and_the_package_have_the_same_names() -> None:
    assert sorted(HEADINGS) == sorted(streamsim.__all__) == dir(streamsim)


def test_editors_are_told_of_every_name() -> None:
    tree = ast.parse(Path(str(streamsim.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert told == set(streamsim.__all__) - {"__version__"}


@pytest.mark.parametrize("name", sorted(HEADINGS))
def test_a_name_is_there_and_says_what_it_is(name: str) -> None:
    offered = getattr(streamsim, name)
    assert getattr(offered, "__name__", name) == name
    assert inspect.getdoc(offered)


@pytest.mark.parametrize("name", sorted(name for name, rest in HEADINGS.items() if rest))
def test_the_page_gives_the_parameters(name: str) -> None:
    written = ast.parse(f"def f{HEADINGS[name]}: ...").body[0]
    assert isinstance(written, ast.FunctionDef)
    by_name = {a.arg for a in written.args.kwonlyargs}
    listed = [a.arg for a in (*written.args.args, *written.args.kwonlyargs)]
    real = inspect.signature(getattr(streamsim, name)).parameters.values()
    named = [p for p in real if p.kind is not p.VAR_KEYWORD]
    assert listed == [p.name for p in named]
    assert by_name == {p.name for p in named if p.kind is p.KEYWORD_ONLY}


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, streamsim; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "streamsim" in done.stdout.split()
    assert not {"numpy", "pandas", "sklearn", "faust", "kafka"} & set(done.stdout.split())


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'streamsim' has no attribute 'merge'"):
        streamsim.merge  # noqa: B018


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("collect", "merge_sources"),
        ("featurize", "extract_features"),
        ("monitor", "track_accuracy"),
        ("scale", "process_users"),
    ],
)
def test_a_stage_offers_its_function(package: str, name: str) -> None:
    """In a new process: what another test has imported must not count."""
    code = f"from streamsim.consumers.{package} import {name}; print({name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == name


def test_a_recording_of_several_domains_needs_a_name() -> None:
    recording = make_recording([], domains=["finance", "retail"])
    with pytest.raises(UsageError, match="say which domain to replay: finance, retail"):
        streamsim.replay(recording)
