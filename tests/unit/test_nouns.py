"""The engine knows no domain: none by its name, and none of their nouns or fields.

Engine is all code outside the domains' folders. Nouns come from the specs of the five domains. A
domain that is added may use any names, also words of the engine; who adds it here says what else
those words mean.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from streamsim.streams.domain_registry import load_domain
from tests.conftest import ROOT

PACKAGES = ("streams", "producers", "consumers", "models", "simulator")
DOMAINS = ROOT / "streams" / "domains"
CHECKED = ("finance", "healthcare", "logistics", "retail", "technology")
FILES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not path.is_relative_to(DOMAINS)
)

TELLING = """
admission basket buyer cardholder catalogue chargeback clinical coupon customer diagnosis discharge
doctor drug episode fleet fraud genre hospital household loyalty merchant movie nurse patient
payment physician purchase readmission receipt redemption sensor shop shopper terminal till truck
vehicle vendor video viewer viewing
"""
"""Nouns of domains that are no name in a spec."""

COMMON: Mapping[str, str] = {
    "asked_at": "the engine says of a third party's answer when it was asked for",
    "environment": "variables of a process",
    "failure": "of a call, a process, a test",
    "live": "a verb",
    "note": "a verb: take note",
    "outcome": "of a replay, a call, a run",
    "row_version": "default of TableMap.version",
    "title": "of a panel; before a person's name",
    "transaction": "of a database, and of Kafka",
    "user": "who uses streamsim; process_users is a task of the brief",
    "view": "of an array or a database; what is seen of a run",
}
"""Nouns that say something else in the engine, with what."""

COMMON_FIELDS: Mapping[str, str] = {
    "action": "argument of a command",
    "asked_at": "field of every answer of a third party",
    "category": "level of a categorical feature",
    "days": "length of a run, of a window",
    "failed": "count of calls",
    "high": "upper bound",
    "kind": "of a record, an alert, a planted thing",
    "load": "of a version, by the model service",
    "low": "lower bound",
    "query": "part of a URL, as OpenAPI calls it",
    "reason": "why a record is dead",
    "row_version": "default of TableMap.version",
    "share": "share of the entities that a canary answers",
    "source": "topic that an event comes from",
    "text": "of a reason; type of a column",
    "type": "of a column of a database",
    "unit": "of a setting; what a feed is counted in",
    "value": "of a metric, a record",
}
"""Fields of domains whose names the engine has as words of its own, with what they say there."""

BRIEF = "a task of the brief, which names this"
EXAMPLE = "example in the docstring of a public function"
EXEMPT: Mapping[str, tuple[str, str]] = {
    "consumers/collect/merged.py": ("household household_id", EXAMPLE),
    "consumers/featurize/extraction.py": ("clinical doctor drug healthcare patient", BRIEF),
    "consumers/scale/recommend_users.py": ("catalogue technology viewing", BRIEF),
    "models/": ("card", "the card of a model (Mitchell et al. 2019)"),
    "simulator/cli.py": ("doctor", "streamsim doctor"),
    "simulator/commands/bench.py": (
        "card customer fraud movie readmission retail",
        "says what each benchmark measures, also those of one domain's real data",
    ),
    "simulator/commands/doctor.py": ("doctor", "streamsim doctor"),
    "simulator/commands/models_group.py": ("card", "a model's card"),
    "simulator/commands/released_models.py": ("card", "a model's card"),
    "simulator/commands/train.py": ("terminal", "a person's terminal"),
    "simulator/run/adapting/": ("card", "the card of a model (Mitchell et al. 2019)"),
    "simulator/run/view.py": ("terminal", "a person's terminal"),
    "simulator/testing/plugin.py": ("finance", EXAMPLE),
    "simulator/testing/replay.py": ("fraud", EXAMPLE),
    "simulator/testing/scenario.py": (
        "amount_cent card card_id finance terminal terminal_id",
        EXAMPLE,
    ),
    "streams/privacy/pseudonyms.py": (
        "doctor nurse patient",
        "in texts, they stand before the name or the number of a person",
    ),
    "streams/spec/recipes.py": ("card", "the card of a model (Mitchell et al. 2019)"),
}
"""Beginnings of paths, each with nouns that may stand there, and why."""


def singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


@cache
def nouns() -> frozenset[str]:
    """Domains, their sources and entities, and fields whose names have several words."""
    found = set(TELLING.split())
    for name in CHECKED:
        spec = load_domain(name)
        found.add(spec.alerting.rule.noun)
        for source in spec.inputs.sources:
            found |= {source.name, source.key.removesuffix("_id")}
            found |= {field.name for field in source.fields if "_" in field.name}
    return frozenset({*map(singular, found), *CHECKED})


@cache
def fields() -> frozenset[str]:
    specs = map(load_domain, CHECKED)
    return frozenset(
        f.name for spec in specs for source in spec.inputs.sources for f in source.fields
    )


def words(text: str) -> Iterator[str]:
    """Yield all words, and what those that are joined in a name say together; singular, too.

    >>> sorted(words("VehicleIds"))
    ['id', 'ids', 'vehicle', 'vehicle_id', 'vehicle_ids']
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    for name in set(re.findall(r"[a-z][a-z0-9_]*", snake)):
        parts = name.strip("_").split("_")
        for start in range(len(parts)):
            for end in range(start + 1, len(parts) + 1):
                joined = "_".join(parts[start:end])
                yield from {joined, singular(joined)}


@cache
def nouns_in(path: Path) -> frozenset[str]:
    return nouns().intersection(words(path.read_text()))


@cache
def texts(path: Path) -> set[str]:
    """Return the strings in a file's code."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def exempt(path: Path) -> set[str]:
    own = path.relative_to(ROOT).as_posix()
    return {
        w for start, (named, _) in EXEMPT.items() if own.startswith(start) for w in named.split()
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_engine_has_no_noun_of_a_domain(path: Path) -> None:
    found = nouns_in(path) - COMMON.keys() - exempt(path)
    assert not found, (
        f"{sorted(found)} in {path}: rename it, move it to the domain, or say in this test what "
        "else it means"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_engine_reads_no_field_of_a_domain(path: Path) -> None:
    found = fields() & texts(path) - COMMON_FIELDS.keys()
    assert not found, (
        f"{sorted(found)} in {path}: a spec is to name the field, or say in this test what else "
        "it means"
    )


def test_nothing_is_exempt_that_is_not_there() -> None:
    seen = {path: nouns_in(path) for path in FILES}
    assert COMMON.keys() <= set().union(*seen.values())
    assert COMMON_FIELDS.keys() <= set().union(*map(texts, FILES)) & fields()
    for start, (named, _) in EXEMPT.items():
        under = [
            own for path, own in seen.items() if path.relative_to(ROOT).as_posix().startswith(start)
        ]
        assert set(named.split()) <= set().union(*under), start


def test_a_noun_is_found_in_any_form() -> None:
    for text in (
        "HouseholdTable",
        "of two households",
        "household_ids",
        "_HOUSEHOLD",
        "x.patientId",
    ):
        assert {"household", "patient"} & set(words(text)), text
    assert {"finance", "logistics", "household_id", "telemetry", "chargeback"} <= nouns()
