"""Silences: what they silence, until when, and what a file of them must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.consumers.monitor.incidents.incident import Cause
from streamsim.consumers.monitor.incidents.silences import (
    Silence,
    parse_silences,
    read_silences,
    silence_of,
)
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings

CAUSE = Cause("water", "suspected_leak", "street 12")
FILE = """
[[silence]]
rule = "drift*"
until = 2025-03-01T18:00:00Z
who = "ada"
why = "a new meter"

[[silence]]
domain = "water"
subject = "street ?2"
until_event_time = 2025-01-05T00:00:00+01:00
who = "grace"
why = "the pipes are flushed"
"""


def test_a_file_of_silences(tmp_path: Path) -> None:
    path = tmp_path / "silences.toml"
    assert read_silences(path) == ()
    path.write_text(FILE)
    by_wall, by_event = read_silences(path)
    assert (by_wall.who, by_wall.domain, by_wall.rule) == ("ada", "*", "drift*")
    assert (by_wall.until, by_wall.until_event_time) == (1_740_852_000_000, None)
    assert by_event.until_event_time == 1_736_031_600_000


@pytest.mark.parametrize(
    ("cause", "event", "wall", "who"),
    [
        (CAUSE, 0, 0, "grace"),
        (CAUSE, 1_736_031_599_999, 9 << 40, "grace"),
        (CAUSE, 1_736_031_600_000, 0, None),
        (Cause("water", "suspected_leak", "street 122"), 0, 0, None),
        (Cause("power", "suspected_leak", "street 12"), 0, 0, None),
        (Cause("water", "drift_of_scores", "street 12"), 0, 0, "ada"),
        (Cause("water", "drift_of_scores", "street 12"), 0, 1_740_852_000_000, "grace"),
    ],
)
def test_the_first_that_matches_and_is_not_over_holds(
    cause: Cause, event: int, wall: int, who: str | None
) -> None:
    held = silence_of(parse_silences(FILE, "f"), cause, event, wall)
    assert (held and held.who) == who


def test_the_earlier_of_two_ends_counts() -> None:
    both = Silence("ada", "flushing", until=10, until_event_time=20)
    assert [both.holds(CAUSE, *at) for at in ((19, 9), (20, 9), (19, 10))] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[silence]\n", "f: no TOML"),
        ("[silence]\nwho = 'ada'", r"f: it holds \[\[silence\]\] and nothing else"),
        ("silence = [1]", "f, silence 1: it is not a table"),
        ("who = 'ada'", "nothing else"),
        ("[[silence]]\nwho = 'a'\nwhy = 'b'", "f, silence 1: a silence has an end"),
        ("[[silence]]\nuntil = 2025-03-01T18:00:00Z", "silence 1: a silence says who and why"),
        ("[[silence]]\nwho = ' '\nwhy = 'b'\nuntil = 2025-03-01T18:00:00Z", "says who"),
        ("[[silence]]\nruel = 'x'", "there is no 'ruel'; there are: domain, rule, subject"),
        ("[[silence]]\nwho = 3", "who is a text, not 3"),
        ("[[silence]]\nwho = 'a'\nwhy = 'b'\nuntil = 2025-03-01T18:00:00", "with its zone"),
        ("[[silence]]\nwho = 'a'\nwhy = 'b'\nuntil = 'soon'", "with its zone .*, not soon"),
        ("[[silence]]\nwho = 'a'\nwhy = 'b'\nuntil = 2025-03-01", "with its zone"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as refused:
        parse_silences(text, "f")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "silences.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "silences.toml"):
        with pytest.raises(UsageError, match=str(path)):
            read_silences(path)


def test_where_the_file_is() -> None:
    own = read_settings({"home": "/srv/own"}, {})
    assert own.silences_path == Path("/srv/own/silences.toml")
    other = read_settings({"silences": "mine.toml"}, {})
    assert other.silences_path == Path("mine.toml").absolute()
    assert read_settings(environ=other.environment()).silences_path == other.silences_path
