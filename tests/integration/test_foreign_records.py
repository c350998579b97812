"""A stack among other people's programs: their records are dead or skipped, said once, counted."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Headers
from streamsim.streams.topics import CHANGELOG, ops_topics, topic, topics_of
from tests.stacks import Up, streamsim

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("registry")]

YEAR_2100 = 4_102_444_800_000
JUNK: tuple[bytes | None, ...] = (
    None, b"junk", b"{}", b"[]", b"\xff\x00", b'{"worker": 1}', b'{"accuracy": {}}',
    b'{"event": "renewed"}', b"[" * 5_000,
)  # fmt: skip
HEADERS: tuple[Headers, ...] = (
    [],
    [("ce_id", b"x"), ("reason", None), ("lateness_ms", b"soon")],
    [("source_topic", b"x"), ("source_partition", b"x"), ("source_offset", b"x")],
)
WATCHED = ("alerts", "scores", "metrics", "late", "dead", "models")


def write_junk(address: str, domain: str) -> int:
    """Write junk to every topic but the changelog; return how many records each has got."""
    spec = load_domain(domain)
    names = [t.name for t in topics_of(spec) if t.name != topic(domain, CHANGELOG)]
    names += [t.name for t in ops_topics()]
    with Writer(address) as writer:
        writer.write(
            [
                Message(name, 0, b"\xff", value, YEAR_2100, headers)
                for name in names
                for value in JUNK
                for headers in HEADERS
            ]
        )
    return len(JUNK) * len(HEADERS)


def write_future_events(address: str, domain: str) -> int:
    """Write events of the year 2100 to the trigger's topic: bare, and with a source's stamp."""
    spec = load_domain(domain)
    stamp = ("source_time", b"%d" % YEAR_2100)
    messages = []
    for number, headers in enumerate(([], [stamp], [stamp, ("ingest_time", b"1")])):
        body = {
            "event_id": f"future-{number}", "event_time": "2100-01-01T00:00:00Z", "card_id": "c1",
            "terminal_id": "t1", "amount_cents": 1,
        }  # fmt: skip
        name = topic(domain, spec.trigger.name)
        messages += [
            Message(name, p, b"c1", orjson.dumps(body), YEAR_2100, headers)
            for p in range(spec.partitions)
        ]
    with Writer(address) as writer:
        writer.write(messages)
    return len(messages)


BY_NIGHT = [pytest.param(name, marks=pytest.mark.slow) for name in ("technology", "retail")]


@pytest.mark.parametrize("domain", ["finance", *BY_NIGHT])
def test_junk_in_every_topic_stalls_and_stops_nothing(tmp_path: Path, domain: str) -> None:
    with Up(tmp_path, "--rate", f"{domain}=1000", "--duration", "25", domain=domain) as up:
        up.says("because" if domain == "finance" else "ready")
        each = write_junk(up.run["address"], domain)
        future = write_future_events(up.run["address"], domain)
        for what in WATCHED:
            seen = streamsim(
                "watch", what, "--run", up.run["name"], "--from-beginning", "--timeout", "0.5",
                "--count", "60",
            )  # fmt: skip
            assert seen.returncode == 0
            assert seen.stderr in ("", "the run has ended\n")
        up.family()
        up.part("worker").kill()  # the next one restores its state among the junk
        assert up.ended() == 0, up.text
        assert up.report["unaccounted"] == up.report["labels"]["unaccounted"] == 0
        assert up.report["dead"] >= future
        assert "Traceback" not in up.text
        foreign = up.report["foreign"]
        for kind in ("alerts", "metrics", "scores", "labelled"):
            name = topic(domain, kind)
            assert foreign[name] == each
            assert up.text.count(f"warning: {name}, partition 0, offset") == 1
        letters = streamsim("dead", "list", "--run", up.run["name"])
        assert (letters.returncode, letters.stderr) == (0, "")
