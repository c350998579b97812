"""Small histories of cards and terminals, and a naive computation of their features."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DAY, HOUR, DomainSpec

FINANCE = replace(load_domain("finance"), partitions=3)
LATENESS = FINANCE.trigger.allowed_lateness
SPANS = (1 * DAY, 7 * DAY, 30 * DAY)
MONDAY = 1_736_121_600_000  # 2025-01-06T00:00:00Z


def keeping(keep: int) -> DomainSpec:
    """Return the finance domain with a limit on the stored payments of a card."""
    windows = tuple(replace(w, keep=keep) for w in FINANCE.features.windows)
    return replace(FINANCE, features=replace(FINANCE.features, windows=windows))


@dataclass(frozen=True)
class Payment:
    """A payment, numbered in order of time."""

    number: int
    time: int
    card: str
    terminal: str
    cents: int
    delay: int
    """Delay from event to arrival (ms)."""

    @property
    def arrival(self) -> int:
        return self.time + self.delay


@dataclass(frozen=True)
class Chargeback:
    """A fraud label, known immediately."""

    number: int
    arrival: int
    happened: int
    card: str
    terminal: str


Event = Payment | Chargeback

GAPS = st.sampled_from(
    [0, 0, 1, HOUR - 1, HOUR, 5 * HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 7 * DAY, 23 * DAY, 30 * DAY]
)
AGES = st.sampled_from(
    [-HOUR, 0, 1, DAY, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 8 * DAY, 30 * DAY]
)  # fmt: skip
CENTS = st.integers(0, 20_000) | st.sampled_from([0, 1, 1_999, 10**8])
DELAYS = st.sampled_from([0, 0, 1, HOUR, LATENESS - 1, LATENESS])
STEPS = st.tuples(
    GAPS,
    st.sampled_from(["payment"] * 5 + ["chargeback"]),
    st.sampled_from(["c0", "c0", "c0", "c5", "c1"]),
    st.sampled_from(["t0", "t1"]),
    CENTS,
    AGES,
    DELAYS,
    st.sampled_from([1, 1, 1, 3, 12]),
)


@st.composite
def histories(draw: st.DrawFn, *, disordered: bool = False, max_size: int = 12) -> list[Event]:
    """Draw events in order of time, or arriving out of order if ``disordered``."""
    time, events = MONDAY, list[Event]()
    for gap, kind, card, terminal, cents, age, delay, repeat in draw(
        st.lists(STEPS, max_size=max_size)
    ):
        for _ in range(repeat):
            time += gap
            number = len(events)
            if kind == "payment":
                late = delay if disordered else 0
                events.append(Payment(number, time, card, terminal, cents, late))
            else:
                events.append(Chargeback(number, time, time - age, card, terminal))
    return events


def features_of(
    events: Iterable[Event], spec: DomainSpec = FINANCE, *, hold: bool = False, rows: int = 1
) -> dict[int, list[float]]:
    """Run events through the pipeline; return each payment's features by its number."""
    scenario = Scenario(spec)
    last = MONDAY
    for event in sorted(events, key=lambda e: e.arrival):
        place = {"card_id": event.card, "terminal_id": event.terminal}
        event_id = f"{event.number:04}"
        if isinstance(event, Payment):
            scenario.add(
                "transactions",
                at=event.time,
                event_id=event_id,
                amount_cents=event.cents,
                **place,
            )
        else:
            scenario.add(
                "chargebacks",
                at=event.arrival,
                event_id=event_id,
                transaction_id="x",
                transaction_time=_written(event.happened),
                amount_cents=0,
                **place,
            )
        last = max(last, event.arrival)
    found: dict[int, list[float]] = {}

    def watch(prepared: Prepared) -> None:
        for event_id, row in zip(prepared.events.event_id, prepared.features.tolist(), strict=True):
            assert int(event_id) not in found
            found[int(event_id)] = row

    domain = InProcess(spec, hold=hold, watch=watch)
    batches = [*scenario.recording().batches(spec, rows), finale(spec, last)]
    for _ in domain.run(as_records(spec, batches, rows)):
        pass
    return found


def naive_features(
    events: Sequence[Event], *, keep: int = 900, arrived_only: bool = False
) -> dict[int, list[float]]:
    """Compute each payment's features by a scan of all other events.

    Parameters
    ----------
    arrived_only
        Of its own card, an event knows only what had come before it.
    """
    payments = [e for e in events if isinstance(e, Payment)]
    frauds = [e for e in events if isinstance(e, Chargeback)]
    order = sorted(payments, key=lambda p: p.arrival)
    return {
        p.number: _row(
            p, order[: order.index(p)] if arrived_only else payments, payments, frauds, keep
        )
        for p in payments
    }


def _row(
    payment: Payment,
    known: Sequence[Payment],
    payments: Sequence[Payment],
    frauds: Sequence[Chargeback],
    keep: int,
) -> list[float]:
    at = datetime.fromtimestamp(payment.time / 1000, UTC)
    amount = payment.cents / 100
    past = [p for p in known if p.card == payment.card and p.time < payment.time]
    past = sorted(past, key=lambda p: p.time)[-keep:]
    windows = [[p.cents for p in past if p.time >= payment.time - span] for span in SPANS]
    means = [statistics.fmean(w) / 100 if w else -1 for w in windows]
    day, week, month = means
    within = [p.time for p in past if p.time >= payment.time - SPANS[-1]]
    end = (payment.time - 7 * DAY) // HOUR * HOUR
    counts = [_count([p.time for p in payments if p.terminal == payment.terminal], end, span)
              for span in SPANS]  # fmt: skip
    known_from = [
        min(max(f.happened, f.arrival - 7 * DAY), f.arrival)
        for f in frauds
        if f.terminal == payment.terminal
    ]
    bad = [_count(known_from, end, span) for span in SPANS]
    return [
        amount,
        at.hour <= 6,
        at.weekday() >= 5,
        *map(len, windows),
        *means,
        amount / month if month > 0 else -1,
        _z_score(payment.cents, windows[-1]),
        day / month if windows[0] and month > 0 else -1,
        week / month if windows[1] and month > 0 else -1,
        (payment.time - max(within)) / HOUR if within else -1,
        *counts,
        *bad,
        *((b + 0.005 * 2) / (n + 2) for b, n in zip(bad, counts, strict=True)),
    ]


def _count(times: Iterable[int], end: int, span: int) -> int:
    return sum(end - span <= time // HOUR * HOUR < end for time in times)


def _z_score(cents: int, past: Sequence[int]) -> float:
    if len(past) < 2:
        return 0.0
    mean = statistics.fmean(past)
    deviation = max(statistics.stdev(past), 100 + mean / 4)
    return min(max((cents - mean) / deviation, -100), 100)


def _written(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")


def assert_alike(
    found: dict[int, list[float]], expected: dict[int, list[float]], rtol: float = 1e-5
) -> None:
    """Compare features row by row, and name the feature that differs."""
    assert found.keys() == expected.keys()
    for number, row in expected.items():
        close = np.isclose(found[number], np.array(row, np.float32), rtol=rtol, atol=rtol)
        wrong = [
            f"{name}: {got}, not {want}"
            for name, got, want, fine in zip(
                FINANCE.features.vector.names, found[number], row, close, strict=True
            )
            if not fine
        ]
        assert not wrong, f"payment {number}: {'; '.join(wrong)}"
