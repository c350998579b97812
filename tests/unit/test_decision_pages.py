"""``docs/decisions``: every page has the same short form, and the index names all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
MOST_WORDS = 250


def test_numbers_follow_each_other() -> None:
    numbers = [int(page.name[:4]) for page in PAGES]
    assert numbers == list(range(1, len(PAGES) + 1))
    assert len(PAGES) > 30


def test_the_index_has_a_line_for_each() -> None:
    index = (FOLDER / "README.md").read_text()
    titles = re.findall(r"^- \[(\d{4})\]\((\S+)\): (.+)$", index, re.MULTILINE)
    expected = [(page.name[:4], page.name, title_of(page)) for page in PAGES]
    assert titles == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_form(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]}. ")
    assert re.search(r"^Date: \d{4}-\d\d(-\d\d)?$", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert len(text.split()) <= MOST_WORDS


def title_of(page: Path) -> str:
    return page.read_text().splitlines()[0].removeprefix(f"# {page.name[:4]}. ")
