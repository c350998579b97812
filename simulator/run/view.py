"""Console output of a run: a live screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from streamsim.consumers.state.account import FILTERED, WARM_UP
from streamsim.simulator.report.alert_lines import alert_line
from streamsim.simulator.report.dead_letters import Reasons
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.run.pressure import HELD

SHOWN = 12
WIDE, BORDER = 128, 4
"""Width that all columns need, and that of the panel's border (characters)."""
RATE_S = 3.0
"""Time over which rates are averaged."""


class View:
    """Plain lines: progress, alerts as they arrive, and a status every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._warned: set[str] = set()
        self.held: dict[str, float] = {}
        """Per domain, the share of its speed that it runs at."""
        self.dead = Reasons()
        self._doing = ""

    def __enter__(self) -> View:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""

    def say(self, text: str) -> None:
        """Print a line of progress."""
        self._line(f"[{time.strftime('%H:%M:%S')}] {text}")

    def progress(self, what: str, share: float) -> None:
        """Print the name of a long step, once."""
        if what != self._doing:
            self._doing = what
            self.say(f"training: {what}")

    def warn_once(self, text: str) -> None:
        """Print a warning, unless one that differs only in its numbers was printed before."""
        kind = "".join(c for c in text if not c.isdigit())
        if kind not in self._warned:
            self._warned.add(kind)
            self.say(f"warning: {text}")

    def alert(self, domain: str, body: Mapping[str, Any]) -> None:
        """Show an alert."""
        self._line(f"{domain}  {alert_line(body)}")

    def show(self, ledgers: Mapping[str, Ledger], elapsed: float | None) -> None:
        """Show the state of the run; called several times a second."""

    def status(self, ledgers: Mapping[str, Ledger], elapsed: float) -> None:
        """Print a status line per domain; called about every ten seconds."""
        for name, ledger in ledgers.items():
            counts = ledger.counts(ledger.spec.trigger.name)
            classes = ", ".join(
                f"{counts.get(c, 0):,} {c}" for c in ("scored", "late", "duplicate", "dead")
            )
            if warm := counts.get(WARM_UP, 0):
                classes += f", {warm:,} in the warm-up"
            latency = ledger.latencies().percentile(50)
            share = self.held.get(name, 1.0)
            pace = f", pace {100 * share:.0f} %" if share < HELD else ""
            reasons = self.dead.text(name)
            why = f"; dead: {reasons}" if reasons else ""
            self.say(
                f"{name}: {classes}; lag {ledger.lag():,}, latency {latency:,.0f} ms{pace}; "
                f"event time {_day(ledger.clock())}; accuracy {_accuracy(ledger.accuracy)}"
                f"{_estimate(ledger.estimate)}{why}"
            )

    def _line(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class LiveView(View):
    """A screen that is redrawn: account, rates, lag and latency per domain, the last alerts."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._alerts: deque[Text] = deque(maxlen=SHOWN)
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._bar = Progress(TextColumn("training: {task.description}"), BarColumn())
        self._task = self._bar.add_task("", total=1.0)
        self._past: dict[str, deque[tuple[float, int]]] = {}
        self._counted: dict[str, int] = {}

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _line(self, text: str) -> None:
        """Print a line above the screen; a long one is broken between words."""
        self._console.print(Text(text))

    def progress(self, what: str, share: float) -> None:
        """Draw a bar."""
        self._bar.update(self._task, completed=share, description=what)
        self._live.update(self._bar if share < 1 else Text(""))

    def alert(self, domain: str, body: Mapping[str, Any]) -> None:
        """Add an alert to the last ones."""
        self._counted[domain] = self._counted.get(domain, 0) + 1
        style = "bold red" if body["severity"] == "critical" else "yellow"
        line = Text(f"{domain:10} {alert_line(body)}", style=style, overflow="ellipsis")
        line.no_wrap = True
        self._alerts.append(line)

    def show(self, ledgers: Mapping[str, Ledger], elapsed: float | None) -> None:
        """Redraw."""
        state = "finishing what was sent" if elapsed is None else f"{elapsed:.0f} s"
        alerts = Group(*self._alerts) if self._alerts else Text("none yet", style="dim")
        panels = [
            Panel(self._table(ledgers), title=f"streamsim, {state}", title_align="left"),
            Panel(alerts, title="last alerts", title_align="left"),
        ]
        if dead := [line for name in ledgers if (line := self._dead_line(name))]:
            panels.append(Panel(Group(*dead), title="dead letters", title_align="left"))
        self._live.update(Group(*panels))

    def _dead_line(self, name: str) -> Text | None:
        reasons = self.dead.text(name)
        if not reasons:
            return None
        line = Text(f"{name:10} {reasons}", overflow="ellipsis")
        line.no_wrap = True
        return line

    def status(self, ledgers: Mapping[str, Ledger], elapsed: float) -> None:
        """Print nothing: the screen shows it all the time."""

    def _table(self, ledgers: Mapping[str, Ledger]) -> Table:
        """Make the table; a terminal that is too narrow for all columns gets the main ones."""
        rows = {name: self._cells(name, ledger) for name, ledger in ledgers.items()}
        is_wide = self._console.width - BORDER >= WIDE
        shown = [name for name in next(iter(rows.values()), {}) if is_wide or name in _MAIN]
        table = Table(box=None, pad_edge=False, expand=True)
        table.add_column("domain", no_wrap=True)
        for name in shown:
            table.add_column(name, justify="right", no_wrap=True)
        for domain, cells in rows.items():
            table.add_row(domain, *(cells[name] for name in shown))
        return table

    def _cells(self, name: str, ledger: Ledger) -> dict[str, str]:
        """Return a domain's cells by column."""
        counts, latencies = ledger.counts(ledger.spec.trigger.name), ledger.latencies()
        filtered = sum(counts.get(name, 0) for name in FILTERED)
        scored = counts.get("scored", 0)
        return {
            "event time": _day(ledger.clock()),
            "pace": f"{100 * self.held.get(name, 1.0):.0f} %",
            "events/s": f"{self._rate(name, scored):,.0f}",
            "scored": f"{scored:,}",
            **{title: f"{counts.get(kind, 0):,}" for kind, title in _REJECTED.items()},
            "filt.": f"{filtered:,}",
            "lag": f"{ledger.lag():,}",
            "p50 ms": f"{latencies.percentile(50):,.0f}",
            "p99 ms": f"{latencies.percentile(99):,.0f}",
            "accuracy": _accuracy(ledger.accuracy),
            "alerts": f"{self._counted.get(name, 0):,}",
        }

    def _rate(self, name: str, count: int) -> float:
        past = self._past.setdefault(name, deque())
        now = time.monotonic()
        past.append((now, count))
        while len(past) > 2 and past[1][0] < now - RATE_S:
            past.popleft()
        span = now - past[0][0]
        return (count - past[0][1]) / span if span > 0 else 0.0


def _accuracy(state: Mapping[str, Any] | None) -> str:
    """Format the rolling accuracy in a few characters.

    >>> _accuracy({"value": 0.8123, "is_low": True}), _accuracy(None)
    ('0.81 LOW', '-')
    """
    if state is None or state["value"] is None:
        return "-"
    return f"{state['value']:.2f}{' LOW' if state['is_low'] else ''}"


def _estimate(own: Mapping[str, Any] | None) -> str:
    """Format what the metric is estimated at before its labels are there.

    >>> _estimate({"value": 0.8123}), _estimate(None)
    (', estimated 0.81 now', '')
    """
    return "" if own is None else f", estimated {own['value']:.2f} now"


_REJECTED = {"late": "late", "duplicate": "dupl.", "dead": "dead"}
_MAIN = ("event time", "pace", "events/s", "scored", "lag", "p50 ms", "alerts")


def _day(time_ms: int | None) -> str:
    if time_ms is None:
        return "-"
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def make_view(*, headless: bool) -> View:
    """Return the live screen if there is a terminal to draw it on, plain lines if not."""
    console = Console(highlight=False)
    if headless or not console.is_terminal:
        return View(console)
    return LiveView(console)
