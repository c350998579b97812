"""Healthcare as a whole stack: the files and topics of a run name no patient; accounts close."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.producers.recording import read_recording
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare.patients import FAMILY
from streamsim.streams.topics import topics_of
from tests.stacks import Up

pytestmark = [pytest.mark.stack, pytest.mark.slow]

NAMED = re.compile(rb"MRN-\d|\bout-\d{10}|\b(?:" + "|".join(FAMILY).encode() + rb")\b")


def test_files_and_topics_of_a_run_name_no_patient(registry: Registry, tmp_path: Path) -> None:
    """Not in logs, report, stored alerts and metrics, or any topic but that of the notes."""
    file = tmp_path / "run.parquet"
    arguments = ("--days", "9", "--speed", "100000", "--record", str(file))
    with Up(tmp_path, *arguments, domain="healthcare") as up:
        assert up.ended(240) == 0, up.text
    account = up.report
    for part in (account, account["context"], account["labels"]):
        assert part["unaccounted"] == 0
    assert account["scored"] > 100
    assert account["context"]["dead"] > 0
    recorded = read_recording(file)
    spec = load_domain("healthcare")
    names = [t.name for t in topics_of(spec) if not t.internal]
    counts = {}
    for name in names:
        records = recorded.of(name)
        counts[name] = len(records)
        if name == "healthcare.notes":
            assert any(NAMED.search(r.value or b"") for r in records)
            continue
        for record in records:
            for part in (record.key, record.value, *(value for _, value in record.headers)):
                assert not NAMED.search(part or b""), (name, part)
    assert min(counts[f"healthcare.{name}"] for name in ("scores", "dead", "labs", "truth")) > 0
    left = [p for p in Path(up.run["path"]).rglob("*") if p.is_file()]
    assert len(left) > 3
    for path in (up.log, up.report_file, *left):
        assert not NAMED.search(path.read_bytes()), path
