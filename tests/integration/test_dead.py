"""Dead letters end to end: counted in the report, kept, mended in a file, and sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stacks import Up, streamsim, until

pytestmark = [pytest.mark.stack, pytest.mark.long]

HEADER = "event_id,event_time,card_id,terminal_id,amount_cents\n"
GOOD = "".join(f"p{n},2025-03-01T10:{n:02}:00Z,c1,t1,{1200 + n}\n" for n in range(20))
BAD = (
    "q1,2025-03-01T10:20:00Z,c1,t1,twelve\n"
    "q2,2025-03-01T10:21:00Z,,t1,1200\n"
    "q3,2025-03-01T10:22:00Z,c1,t1\n"
)


LATER = "".join(
    f"r{n},2025-03-01T{10 + n // 60}:{n % 60:02}:00Z,c{n % 7},t1,{1200 + n}\n" for n in range(600)
)


def test_what_was_refused_is_told_mended_and_sent_again(
    tmp_path: Path, streamsim_model: Callable[[str], Any]
) -> None:
    streamsim_model("finance")  # or the first run would train it
    (tmp_path / "a.csv").write_text(HEADER + GOOD + BAD)
    with Up(tmp_path, "--source", f"finance={tmp_path / 'a.csv'}", "--speed", "max") as up:
        until(lambda: up.process.poll() is not None, "its end")
        first = up.run["name"]
        report = json.loads(up.report_file.read_text())["domains"]["finance"]
    assert (report["in"], report["scored"], report["dead"], report["unaccounted"]) == (23, 20, 3, 0)
    assert report["dead_by_reason"] == {
        "amount_cents: not an integer": 1,
        "card_id: missing": 1,
        "... cells under a header of ...": 1,
    }
    assert "dead       1 x" in up.text

    listed = streamsim("dead", "list", "--run", first, "--each").stdout.splitlines()
    listed.sort(key=lambda line: line.partition("  ")[2])
    assert [line.partition("  ")[2] for line in listed] == [
        "a.csv:22  amount_cents: not an integer: 'twelve'",
        "a.csv:23  card_id: missing",
        "a.csv:24  4 cells under a header of 5",
    ]
    shown = streamsim("dead", "show", listed[0].partition(" ")[0], "--run", first).stdout
    assert json.loads(shown)["original"] == "q1,2025-03-01T10:20:00Z,c1,t1,twelve"

    mended = tmp_path / "mended.jsonl"
    assert streamsim("dead", "export", str(mended), "--run", first).returncode == 0
    letters = [json.loads(line) for line in mended.read_text().splitlines()]
    letters.sort(key=lambda letter: letter["found_at"])
    letters[0]["record"]["amount_cents"] = 12
    mended.write_text("\n".join(map(json.dumps, letters)))

    (tmp_path / "b.csv").write_text(HEADER + LATER)
    with Up(tmp_path, "--source", f"finance={tmp_path / 'b.csv'}", "--speed", "300") as up:
        up.says("ready")
        for _ in range(2):  # the second time it is a duplicate
            done = streamsim("dead", "replay", str(mended), "--run", up.run["name"])
            assert done.stdout == "2 of 3 dead letters sent again\n", done.stderr
            assert "1 not sent: it has no record; write one" in done.stderr
        watched = streamsim(
            "watch", "scores", "--from-beginning", "--json", "--timeout", "20", "--count", "100",
            "--run", up.run["name"],
        ).stdout  # fmt: skip
        up.process.terminate()
        until(lambda: up.process.poll() is not None, "its end")
        report = json.loads(up.report_file.read_text())["domains"]["finance"]
        second = up.run["name"]
    assert watched.count('"q1"') == 1
    assert report["unaccounted"] == 0
    assert (report["dead"], report["duplicate"]) == (2, 1)
    again = streamsim("dead", "list", "--run", second, "--each").stdout
    assert again.count("card_id: missing  attempt 2") == 2
