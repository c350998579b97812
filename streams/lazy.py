"""Lazy imports: names of a package whose modules are imported at their first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for a package, which imports a name's module at its first use.

    Parameters
    ----------
    package
        Name of the package, for its error.
    modules
        The names offered, each with the module that defines it.

    References
    ----------
    PEP 562, https://peps.python.org/pep-0562/

    Examples
    --------
    >>> get = lazy_names("numbers", {"sqrt": "math"})
    >>> get("sqrt")(9)
    3.0
    >>> get("cbrt")
    Traceback (most recent call last):
    AttributeError: module 'numbers' has no attribute 'cbrt'
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return get
