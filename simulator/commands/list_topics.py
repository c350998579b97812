"""``streamsim topics``: list the declared topics, or create them on a broker."""

from __future__ import annotations

from contextlib import suppress

import click

from streamsim.simulator.brokers.broker import create_topics, end_offsets, topic_config
from streamsim.simulator.reading import Tail
from streamsim.simulator.run.runs import find_run
from streamsim.streams.domain_registry import all_topics, domain_names, load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import check_address, read_settings

SAMPLE = 160


def run_topics(*, domain: str | None, broker: str | None, create: bool, run: str | None) -> None:
    """List the declared topics, with record counts and a sample if a broker is reachable."""
    names = (domain,) if domain else domain_names()
    topics = all_topics(tuple(load_domain(name) for name in names))
    address = check_address(broker) if broker else None
    if create:
        if address is None:
            raise UsageError("--create needs --broker HOST:PORT")
        create_topics(address, topics, topic_config(address))
    if address is None:
        with suppress(UsageError):
            found = find_run(read_settings(), run)
            if found.alive and found.info.get("address"):
                address = found.info["address"]
                topics = all_topics(tuple(load_domain(n) for n in found.domains))
    ends = end_offsets(address, topics) if address else {}
    for spec in topics:
        records = sum(ends.get((spec.name, p), 0) for p in range(spec.partitions))
        held = f"{records:,} records" if address else ""
        click.echo(f"{spec.name}  ({spec.partitions} partitions, by {spec.key})  {held}")
        click.echo(f"    {spec.help}")
        if spec.fields:
            click.echo(f"    fields: {', '.join(spec.fields)}")
        if address and records and not spec.internal:
            with Tail(address, [spec]) as tail:
                sample = next((r for r in tail.poll(2.0) if r.value), None)
            if sample is not None:
                text = sample.value.decode(errors="replace")
                click.echo(f"    e.g. {text[:SAMPLE]}{'...' * (len(text) > SAMPLE)}")
