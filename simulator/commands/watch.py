"""``streamsim watch``: follow a topic of a running stack, or read the files of an ended run."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import click
import orjson

from streamsim.consumers.monitor.incidents.incident_records import (
    incident_line,
    is_shown,
    read_incident,
)
from streamsim.consumers.predict.model_schedule import read_lifecycle
from streamsim.simulator.reading import Tail, deleted
from streamsim.simulator.report.alert_lines import alert_line
from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.simulator.report.own_outputs import read_alert
from streamsim.simulator.run.life.life_lines import is_told, lifecycle_line
from streamsim.simulator.run.runs import Run, find_run
from streamsim.streams.domain_registry import all_topics, domain_names, load_domain
from streamsim.streams.errors import ForeignRecordError, UsageError
from streamsim.streams.events import first_headers
from streamsim.streams.settings import check_address, read_settings
from streamsim.streams.topics import ALERTS, OPS_ALERTS, OPS_MODELS, TopicSpec, topic

KINDS = ("alerts", "scores", "metrics", "late", "dead")
KEPT = ("alerts", "metrics", "models", "incidents")
"""Topics whose records stay on disk after a run has ended."""
SYSTEM = {"models": OPS_MODELS, "incidents": OPS_ALERTS}
"""Topics that all domains share."""
LOOK_S = 1.0
"""Interval between two checks that the run is still alive."""


def run_watch(
    *,
    what: str,
    domain: str | None,
    as_json: bool,
    from_beginning: bool,
    count: int | None,
    timeout: float | None,
    broker: str | None,
    run: str | None,
) -> None:
    """Print one line per record until the count, the time-out, a signal or the end of the run."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if broker is not None:
        topics = _topics(domain_names(), what, domain)
        records = _follow(check_address(broker), topics, from_beginning, timeout, lambda: True)
    else:
        found = find_run(read_settings(), run)
        topics = _topics(found.domains, what, domain)
        records = _of_run(found, what, topics, from_beginning, timeout)
    asked = (own for own in records if _is_asked_for(*own, domain, as_json))
    for name, record in islice(asked, count):
        click.echo(_json_line(name, record) if as_json else _line(name, record))


def _topics(domains: Sequence[str], what: str, domain: str | None) -> list[TopicSpec]:
    specs = tuple(load_domain(name) for name in domains if domain in (None, name))
    if not specs:
        raise UsageError(f"there is no domain {domain!r}; there are: {', '.join(domains)}")
    known = {t.name: t for t in all_topics(specs)}
    if what in SYSTEM:
        names = [SYSTEM[what]]
    elif what in KINDS:
        names = [topic(spec.name, what) for spec in specs]
    else:
        names = [what]
    missing = [name for name in names if name not in known]
    if missing:
        raise UsageError(f"no topic {missing[0]!r}; see: streamsim topics")
    return [known[name] for name in names]


def _of_run(
    run: Run, what: str, topics: list[TopicSpec], from_beginning: bool, timeout: float | None
) -> Iterator[tuple[str, Any]]:
    """Yield topic and record; for a record from disk, only its value (bytes)."""
    while run.alive and not run.info.get("address"):
        time.sleep(0.1)
        run = run.reread()
    if run.alive:
        yield from _follow(
            str(run.info["address"]), topics, from_beginning, timeout, lambda: run.reread().alive
        )
        return
    if what not in KEPT:
        raise UsageError(
            f"no stack is running, and run {run.name} has stored only {' and '.join(KEPT)}"
        )
    for spec in topics:
        for kept in (run.kept_before(spec.name), run.kept(spec.name)):
            if kept.exists():
                with kept.open("rb") as lines:
                    for line in lines:
                        yield spec.name, line.rstrip(b"\n")


def _follow(
    address: str,
    topics: list[TopicSpec],
    from_beginning: bool,
    timeout: float | None,
    alive: Callable[[], bool],
) -> Iterator[tuple[str, Any]]:
    last = looked = time.monotonic()
    recent = RecentIdentities()
    if from_beginning:
        for name, count in deleted(address, topics).items():
            click.echo(f"{name}: the first {count:,} records are deleted", err=True)
    with Tail(address, topics, from_beginning=from_beginning) as tail:
        while timeout is None or time.monotonic() - last < timeout:
            for record in tail.poll(0.2):
                last = time.monotonic()
                if record.topic.endswith(f".{ALERTS}") and not recent.is_new(identity(record)):
                    continue
                yield record.topic, record
            if time.monotonic() - looked > LOOK_S:
                looked = time.monotonic()
                if not alive():
                    click.echo("the run has ended", err=True)
                    return


def _is_asked_for(name: str, record: Any, domain: str | None, as_json: bool) -> bool:
    """Say whether to print a record.

    A person sees no silenced incident, and not that a schedule is known further.
    """
    value = record if isinstance(record, bytes) else record.value
    try:
        if name == OPS_MODELS:
            return as_json or is_told(read_lifecycle(value))
        if name != OPS_ALERTS:
            return True
        body = read_incident(value)
    except ForeignRecordError:
        return True
    return domain in (None, body["domain"]) and (as_json or is_shown(body))


def _line(name: str, record: Any) -> str:
    value = record if isinstance(record, bytes) else record.value
    try:
        return _own_line(name, record, value)
    except (ForeignRecordError, ValueError) as error:
        return f"not a record of streamsim's ({error}): {_shown(value)}"


def _own_line(name: str, record: Any, value: bytes | None) -> str:
    if name == OPS_ALERTS:
        return incident_line(read_incident(value))
    domain, _, kind = name.partition(".")
    if kind == "alerts":
        return alert_line(read_alert(load_domain(domain), value))
    if name == OPS_MODELS:
        at = None if isinstance(record, bytes) else record.timestamp
        return lifecycle_line(read_lifecycle(value), at)
    headers = {} if isinstance(record, bytes) else first_headers(record.headers)
    if kind == "dead":
        reason = headers.get("reason") or b"?"
        return f"{_shown(reason)}  {_shown(value)}"
    if kind == "late":
        late = int(headers.get("lateness_ms") or b"0")
        return f"late by {late / 1000:,.0f} s  {_shown(value)}"
    return _shown(value)


def _json_line(name: str, record: Any) -> str:
    if isinstance(record, bytes):
        return record.decode(errors="replace")
    try:
        value: Any = orjson.loads(record.value or b"null")
    except orjson.JSONDecodeError:
        value = record.value.decode(errors="replace")
    document = {
        "topic": name,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.decode(errors="replace") if record.key else None,
        "headers": {
            k: v and v.decode(errors="replace") for k, v in record.headers if k != "features"
        },
        "value": value,
    }
    if name.endswith(".alerts") and isinstance(value, dict) and "ce_id" in document["headers"]:
        document = {**value, "id": value.get("id", document["headers"]["ce_id"])}
    return orjson.dumps(document).decode()


def _shown(value: bytes | None) -> str:
    text = "(no value)" if value is None else value[:500].decode(errors="replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
