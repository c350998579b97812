"""Fingerprint of the code that trains a domain's model.

A trained model can be used again if its fingerprint equals that of the current code.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas")
"""Libraries whose versions are part of the fingerprint: they compute the model's numbers."""
_MODULE = re.compile(r"streamsim(\.\w+)+")


def training_code(domain: str) -> str:
    """Fingerprint every module that training a domain's model imports, directly or not.

    Imports inside functions count, and so do the lazy names of a package.
    """
    begin = "streamsim.simulator.model_training", f"streamsim.streams.domains.{domain}"
    digest = hashlib.sha256(" ".join(map(version, LIBRARIES)).encode())
    for name in sorted(imported(*begin)):
        digest.update(name.encode())
        digest.update(_file(name).read_bytes())
    return digest.hexdigest()[:16]


def imported(*modules: str) -> set[str]:
    """Return the given modules and all modules of this project that they import, transitively."""
    found: set[str] = set()
    left = list(modules)
    while left:
        name = left.pop()
        if name not in found and _file(name).is_file():
            found.add(name)
            left += [*_parents(name), *_imports(name, _file(name))]
    return found


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _file(name: str) -> Path:
    """Return a module's file, which does not exist if the name is not that of a module."""
    module = sys.modules.get(name)
    if module is not None and module.__file__:  # a domain may be outside the project's folder
        return Path(module.__file__)
    path = ROOT.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _imports(name: str, file: Path) -> tuple[str, ...]:
    """Return all names in a module's file that may name modules of this project."""
    found: list[str] = []
    package = file.name == "__init__.py" and file.parent != ROOT
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, name, is_package=file.name == "__init__.py")
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif package and isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [node.value] * bool(_MODULE.fullmatch(node.value))
    return tuple(name for name in found if _MODULE.fullmatch(name))


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    """Return the full name of the module in an import that may be relative."""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])
