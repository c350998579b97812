"""The domain of docs/own-domain.md, from its text: to be run, and to be made into others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "own-domain.md").read_text()
FILES: Mapping[str, str] = dict(
    re.findall(r"^`(\w+\.py)`.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
)


def write(folder: Path, name: str = "water", instead: Mapping[str, str] | None = None) -> Path:
    """Write the domain to a folder of domains, under a name; return that folder.

    Parameters
    ----------
    instead
        Pieces of the page's text to what is to stand in their place.
    """
    names = {"domains.water": f"domains.{name}", '"water': f'"{name}'}
    (folder / name).mkdir(parents=True)
    text = "\0".join(FILES.values())
    for piece, other in {**names, **(instead or {})}.items():
        assert piece in text, piece
        text = text.replace(piece, other)
    for file, own in zip(FILES, text.split("\0"), strict=True):
        (folder / name / file).write_text(own)
    return folder
