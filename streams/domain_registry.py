"""Domain registry: every package under ``streams/domains`` and in ``STREAMSIM_DOMAINS``."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterable
from pathlib import Path

import streamsim.streams.domains
from streamsim.streams.errors import UnknownDomain, UsageError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import TopicSpec, ops_topics, topics_of


def domain_names() -> tuple[str, ...]:
    """Return the names of all domains, sorted.

    >>> all(load_domain(name).name == name for name in domain_names())
    True
    """
    _extend_path()
    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(streamsim.streams.domains.__path__) if m.ispkg)
    )


def load_domain(name: str) -> DomainSpec:
    """Return the domain's ``SPEC``.

    Raises
    ------
    UnknownDomain
        If there is no such domain; the message lists all domains.
    UsageError
        If its package has no ``SPEC``, or one of another name.
    """
    names = domain_names()
    if name not in names:
        raise UnknownDomain(f"no domain {name!r}; there are: {', '.join(names)}")
    spec = getattr(importlib.import_module(f"streamsim.streams.domains.{name}"), "SPEC", None)
    if not isinstance(spec, DomainSpec) or spec.name != name:
        raise UsageError(f"streams/domains/{name}/__init__.py must define SPEC, named {name!r}")
    return spec


def all_topics(domains: tuple[DomainSpec, ...]) -> tuple[TopicSpec, ...]:
    """Declare the topics of these domains and those of the system."""
    return (*(t for spec in domains for t in topics_of(spec)), *ops_topics())


def domain_folders() -> list[str]:
    """Return the folders that are searched for domains, to pass them to another process."""
    _extend_path()
    return list(streamsim.streams.domains.__path__)


def add_folders(folders: Iterable[str]) -> None:
    """Search these folders for domains too."""
    for folder in folders:
        path = str(Path(folder).resolve())
        if path not in streamsim.streams.domains.__path__:
            streamsim.streams.domains.__path__.append(path)


def _extend_path() -> None:
    add_folders(filter(None, os.environ.get("STREAMSIM_DOMAINS", "").split(os.pathsep)))
