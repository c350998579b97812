"""docs/faust.md has an entry for every program, and every entry is true of what is installed."""

from __future__ import annotations

import re
from importlib.metadata import distribution, version

import pytest

from tests.conftest import ROOT
from tests.upstream.faults import FAULTS, PROGRAMS, Fault

PAGE = (ROOT / "docs" / "faust.md").read_text()
NAMED = re.compile(r"- Program: `tests/upstream/programs/(\w+)\.py`\n")
LIBRARY = re.compile(r"- Library: ([\w-]+) ([\d.]+)(?:, `([\w/.]+)`, `(\w+)`)?")
PARTS = ("Program", "Library", "Expected", "Seen", "Step-around", "Upstream")


def entry(fault: Fault) -> str:
    """The page's entry for a fault."""
    entries = re.split(r"^##+ ", PAGE, flags=re.M)
    return next(e for e in entries if f"programs/{fault.program}.py`\n" in e)


def test_every_program_has_a_test_and_an_entry_and_every_entry_a_program() -> None:
    tested = [fault.program for fault in FAULTS]
    assert sorted(tested) == sorted(path.stem for path in PROGRAMS.glob("*.py"))
    assert sorted(tested) == sorted(NAMED.findall(PAGE))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.program)
def test_an_entry_says_all_and_names_what_exists(fault: Fault) -> None:
    text = entry(fault)
    assert re.findall(r"^- ([\w-]+):", text, re.M) == list(PARTS)
    assert (ROOT / fault.around).is_file()
    assert f"`{fault.around}`" in text
    named = LIBRARY.search(text)
    assert named, "an entry says which library, which version and where in its source"
    library, seen_with, source, function = named.groups()
    assert seen_with == version(library), f"run {fault.program} with the new {library}"
    if source:
        code = distribution(library).locate_file(source).read_text()
        assert re.search(rf"def {function}\(", code), f"{source} has no {function} any more"


def test_every_version_on_the_page_is_the_installed_one() -> None:
    for library in {named[0] for named in LIBRARY.findall(PAGE)}:
        assert set(re.findall(rf"{library} ([\d.]*\d)", PAGE)) == {version(library)}
