"""A domain of the examples, loaded without adding it to the domains of this process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from streamsim.streams.spec import DomainSpec
from tests.conftest import ROOT


def example_domain(name: str) -> DomainSpec:
    """Return the spec of ``examples/<name>/domains/<name>``."""
    spec: DomainSpec = _package(name).SPEC
    return spec


def example_module(name: str, module: str) -> ModuleType:
    """Return one of its modules."""
    return importlib.import_module(f"{_package(name).__name__}.{module}")


def _package(name: str) -> ModuleType:
    full = f"examples_{name}"
    if full not in sys.modules:
        folder = ROOT / "examples" / name / "domains" / name
        found = importlib.util.spec_from_file_location(
            full, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert found is not None
        assert found.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules[full])
    return sys.modules[full]
