"""Instants: parsed like the standard library, and formatted so that they parse again."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.streams.codec import format_times, parse_header_ints, parse_times
from streamsim.streams.events import NO_TIME
from tests.property.examples import examples

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
BATCH = 16
"""From so many on, times are read as one array."""

DATES = st.dates(min_value=date(1, 1, 2), max_value=date(9999, 12, 30)) | st.builds(
    date, st.sampled_from([1900, 1970, 2000, 2024, 2025, 2100]), st.just(2), st.just(28)
)
OFFSETS = st.just("Z") | st.builds(
    "{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)
)
FRACTIONS = st.sampled_from(["", ".0", ".5", ".25", ".000", ".001", ".999"]) | st.from_regex(
    r"\.[0-9]{1,9}", fullmatch=True
)
TIMES = st.builds(
    "{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)
)
INSTANTS = st.builds(
    "{}{}{}{}{}".format,
    DATES.map(date.isoformat),
    st.sampled_from("TTTt"),
    TIMES,
    FRACTIONS,
    OFFSETS,
)
PLAIN = st.builds("{}T{}.{:03}Z".format, DATES.map(date.isoformat), TIMES, st.integers(0, 999))
WRONG = ["2025-02-29T00:00:00.000Z", "1900-02-29T00:00:00.000Z", "2025-04-31T00:00:00.000Z",
         "2025-13-01T00:00:00.000Z", "2025-00-01T00:00:00.000Z", "2025-01-00T00:00:00.000Z",
         "2025-01-01T24:00:00.000Z", "2025-01-01T00:60:00.000Z", "2025-01-01T00:00:61.000Z",
         "0000-01-01T00:00:00.000Z", "2025-01-01T00:00:00.0000", "2025-01-01T00:00:00+24:00",
         "2025-01-01T00:00:00.00Zx", "2025/01/01T00:00:00.000Z"]  # fmt: skip


def spoil(text: str, at: int, mark: str) -> str:
    return text[:at] + mark + text[at + 1 :]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=30),
    st.sampled_from(WRONG),
    st.builds(spoil, PLAIN, st.integers(0, 23), st.sampled_from("0-:TZx .٣")),
)


def exact_us(text: str) -> int:
    """Return microseconds since 1970, by integers."""
    found = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", text
    )
    assert found is not None
    *whole, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = map(int, whole)
    since = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - EPOCH
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    since -= -offset if sign == "-" else offset
    return since // timedelta(microseconds=1) + int((fraction or "0").ljust(6, "0")[:6])


@examples(2.5)
@given(st.lists(INSTANTS, max_size=20))
@example(["2024-02-29T23:59:59.999999+00:01"])
@example(["0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59.999+23:59"])
def test_instants_are_read_to_the_millisecond(texts: list[str]) -> None:
    for text, got in zip(texts, parse_times(texts).tolist(), strict=True):
        error = got * 1000 - exact_us(text)
        assert abs(error) < 1000
        if exact_us(text) % 1000 == 0:
            assert error == 0


@examples(2)
@given(st.lists(PLAIN | INSTANTS | JUNK, max_size=4), st.lists(PLAIN, min_size=BATCH, max_size=20))
def test_no_time_is_read_otherwise_for_its_neighbours(few: list[Any], many: list[str]) -> None:
    alone = [int(parse_times([text])[0]) for text in few + many]
    assert parse_times(few + many).tolist() == alone
    assert parse_times(many).tolist() == alone[len(few) :]
    assert parse_times(many + few[:1]).tolist() == alone[len(few) :] + alone[: len(few[:1])]


@examples(2)
@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 23), st.characters(codec="utf-8"))
def test_a_plain_time_with_one_mark_changed_is_read_right_or_not_at_all(
    instant: datetime, at: int, mark: str
) -> None:
    text = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    changed = spoil(text, at, mark)
    fast = int(parse_times([changed] * BATCH)[0])
    assert fast == int(parse_times([changed])[0])
    if fast != NO_TIME:
        assert fast == (datetime.fromisoformat(changed) - EPOCH) // MS


LOOSE = st.from_regex(
    r"(2025-02-(28|29|30)|2025-W0[0-9]-[0-9]|20250228|2025-059)"
    r"[Tt ](2[34]:59:(59|60)|23:59|23|235959|23:59:59[.,][0-9]{0,4})"
    r"([Zz]|[+-](00|23|24)(:?(00|59|60))?(:30)?| Z|)",
    fullmatch=True,
)
RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


@examples(2.5)
@given(LOOSE)
@example("2025-02-28T23:59:59z")  # section 5.6: T and Z may be lower case
@example("2025-W01-1T23:59:59Z")
@example("2025-02-28T23:59:59+0000")
def test_what_is_read_is_rfc_3339_and_nothing_else(text: str) -> None:
    assert (parse_times([text])[0] != NO_TIME) == is_rfc_3339(text)


def is_rfc_3339(text: str) -> bool:
    """Say whether it is; a leap second, which has no number in ms, counts as none."""
    found = RFC_3339.fullmatch(text)
    try:
        return bool(found and date.fromisoformat(found[1]) and time.fromisoformat(found[2]))
    except ValueError:
        return False


@examples(2)
@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=20))
def test_what_is_written_is_read_again(instants: list[datetime]) -> None:
    times = np.array([(instant - EPOCH) // MS for instant in instants], np.int64)
    texts = format_times(times)
    assert all(len(text) == 24 for text in texts)
    assert parse_times(texts).tolist() == times.tolist()
    assert [parse_times([text])[0] for text in texts] == times.tolist()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_what_is_read_can_be_written(text: str) -> None:
    times = parse_times([text])
    if times[0] != NO_TIME:
        assert parse_times(format_times(times)).tolist() == times.tolist()


NUMBERS = st.tuples(
    st.integers(0, 9999) | st.sampled_from([1600, 1900, 1904, 2000, 2023, 2024, 2100]),
    st.integers(0, 13) | st.just(2),
    st.integers(0, 32) | st.sampled_from([28, 29, 30]),
    st.integers(0, 25) | st.just(12),
    st.integers(0, 61) | st.just(0),
    st.integers(0, 61) | st.just(0),
)


@examples(4)
@given(NUMBERS)
def test_the_calendar_is_that_of_the_standard_library(numbers: tuple[int, ...]) -> None:
    year, month, day, hour, minute, second = numbers
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.500Z"
    try:
        since = datetime(year, month, day, hour, minute, second, 500_000, UTC) - EPOCH
        expected = since // MS
    except ValueError:
        expected = NO_TIME
    assert parse_times([text]).tolist() == [expected]
    assert parse_times([text] * BATCH).tolist() == [expected] * BATCH


def naive_int(value: bytes | None) -> int:
    found = re.fullmatch(rb"[0-9]{1,13}", value or b"")
    return int(found[0]) if found else NO_TIME


STAMPS = st.integers(10**12, 10**13 - 1).map(lambda n: b"%d" % n)
HEADERS = (
    st.none()
    | STAMPS
    | st.binary(max_size=15)
    | st.integers(-(10**14), 10**14).map(lambda n: b"%d" % n)
    | st.sampled_from([b"", b" 1", b"1_0", b"+1", "٣".encode(), b"0" * 13, b"1" * 12, b"1" * 14])
)


@examples(2)
@given(st.lists(STAMPS, max_size=5), st.lists(HEADERS, max_size=4))
@example([], [b"1" * 12, b"1" * 14])
def test_headers_are_read_one_by_one(good: list[bytes], other: list[bytes | None]) -> None:
    for values in (good, other, [*good, *other]):
        assert parse_header_ints(values).tolist() == [naive_int(value) for value in values]
