"""``docs/glossary.md``: every file that it names exists and speaks of the term."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "glossary.md"
ROW = re.compile(r"\| (.+) \| .+ \| \[([\w/.]+)\]\((\S+)\)(?: `(\w+)`)? \|")


class Entry(NamedTuple):
    """A row: its terms, the file or folder where they live, and their name in code, if any."""

    terms: list[str]
    file: str
    link: str
    name: str | None


def entries() -> list[Entry]:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    found = []
    for row in rows:
        if row == "| term | meaning | where |":
            continue
        parts = ROW.fullmatch(row)
        assert parts, f"this row is no entry: {row}"
        terms, file, link, name = parts.groups()
        found.append(Entry(re.findall(r"[*`]+([^*`]+)[*`]+", terms), file, link, name))
    return found


ENTRIES = entries()


def squeezed(text: str) -> str:
    """The text without what tells ``fetch wait``, ``fetch-wait`` and ``FetchWait`` apart."""
    return re.sub(r"[\s_-]", "", text).lower()


def source_of(file: str) -> str:
    """The text of a module, or of all modules of a folder, and their names."""
    path = ROOT / file
    modules = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return "\n".join(f"{module.stem}\n{module.read_text()}" for module in modules)


def test_terms_are_explained_once() -> None:
    terms = [term for entry in ENTRIES for term in entry.terms]
    assert len(terms) > 50
    assert sorted(set(terms)) == sorted(terms)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.terms[0])
def test_a_terms_file_speaks_of_it(entry: Entry) -> None:
    assert entry.link == f"../{entry.file}"
    assert (ROOT / entry.file).exists()
    source = source_of(entry.file)
    if entry.name is not None:
        assert re.search(rf"\b{entry.name}\b", source), f"{entry.file} has no {entry.name}"
    else:
        assert any(squeezed(term) in squeezed(source) for term in entry.terms), (
            f"{entry.file} does not speak of {' or '.join(entry.terms)}"
        )
