"""``streamsim dead``: list, show, export and send again what was refused."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from streamsim.producers.resend import Again, resend
from streamsim.simulator.report.dead_letters import (
    FILE,
    DeadLetter,
    kind_of,
    once_more,
    pretty,
    read_letters,
)
from streamsim.simulator.run.runs import Run, find_run
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.settings import check_address, read_settings
from streamsim.streams.tables.json_rows import dump_row
from streamsim.streams.topics import topic


def kept_letters(run: Run) -> Iterator[DeadLetter]:
    """Yield the dead letters that a run has kept, in order of arrival.

    Raises
    ------
    UsageError
        If a line of the file is none.
    """
    for path in (run.kept_before(FILE), run.kept(FILE)):
        if path.exists():
            yield from read_letters(path)


def chosen(run: str | None, domain: str | None, reason: str | None) -> Iterator[DeadLetter]:
    """Yield a run's letters of a domain whose reason has a text."""
    found = find_run(read_settings(), run)
    for letter in kept_letters(found):
        if domain in (None, letter.domain) and (reason or "") in letter.reason:
            yield letter


def run_list(*, run: str | None, domain: str | None, reason: str | None, each: bool) -> None:
    """Print the letters by reason, or each in a line."""
    letters = chosen(run, domain, reason)
    if each:
        for letter in letters:
            where = f"  {letter.found_at}" if letter.found_at else ""
            again = f"  attempt {letter.attempts}" if letter.attempts > 1 else ""
            click.echo(f"{letter.id}{where}  {letter.reason}{again}")
        return
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for letter in letters:
        kind = letter.domain, kind_of(letter.reason)
        counts[kind] += 1
        first.setdefault(kind, letter.id)
    if not counts:
        click.echo("no dead letters", err=True)
    for (name, why), count in counts.most_common():
        click.echo(f"{count:>7,}  {name}  {why}  (first: {first[name, why]})")


def run_show(*, id_: str, run: str | None) -> None:
    """Print one letter."""
    found = [letter for letter in chosen(run, None, None) if letter.id == id_]
    if not found:
        raise UsageError(f"no dead letter {id_!r}; see: streamsim dead list --each")
    click.echo(pretty(found[-1]))


def run_export(*, file: Path, run: str | None, domain: str | None, reason: str | None) -> None:
    """Write letters to a file, a line each, to be mended there."""
    count = 0
    try:
        with file.open("wb") as out:
            for letter in chosen(run, domain, reason):
                out.write(letter.line() + b"\n")
                count += 1
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from None
    click.echo(f"{count:,} dead letters in {file}; mend the fields of record, then: "
               f"streamsim dead replay {file}")  # fmt: skip


def run_replay(
    *,
    file: Path | None,
    of: str | None,
    run: str | None,
    broker: str | None,
    domain: str | None,
    reason: str | None,
) -> None:
    """Send letters again, those of one key in their order."""
    settings = read_settings()
    if file is not None and of is not None:
        raise UsageError("a file, or --of a run: not both")
    letters = read_letters(file) if file is not None else chosen(of or run, domain, reason)
    wanted = [
        own for own in letters
        if domain in (None, own.domain) and (reason or "") in own.reason
    ]  # fmt: skip
    if broker is None:
        target = find_run(settings, run)
        if not target.alive:
            raise UsageError("no stack is running; start one, or name a broker with --broker")
        broker = str(target.info["address"])
    records, unfit = [], Counter[str]()
    for letter in once_more(wanted):
        again = _again(letter)
        if isinstance(again, Again):
            records.append(again)
        else:
            unfit[again] += 1
    count = 0
    if records:
        count = resend(check_address(broker), records, int(time.time() * 1000), settings.max_record)
    click.echo(f"{count:,} of {len(wanted):,} dead letters sent again")
    for why, n in unfit.most_common():
        click.echo(f"{n:,} not sent: {why}", err=True)


def _again(letter: DeadLetter) -> Again | str:
    """Return a letter's record, or why it cannot be sent."""
    if letter.masked:
        return "personal data are masked in it; send the row again from where it comes from"
    if letter.record is None:
        return "it has no record; write one as a JSON object, with the fields of its source"
    spec = load_domain(letter.domain)
    names = [source.name for source in spec.inputs.sources]
    if letter.source not in names:
        return f"{letter.domain} has no source {letter.source!r}"
    source = spec.source(letter.source)
    entity = letter.record.get(source.key)
    time_ms = int(parse_times([letter.record.get("event_time")])[0])
    return Again(
        topic(spec.name, source.name),
        spec.partitions,
        entity.encode() if isinstance(entity, str) and entity else None,
        dump_row(letter.record),
        0 if time_ms == NO_TIME else time_ms,
        letter.attempts,
    )
