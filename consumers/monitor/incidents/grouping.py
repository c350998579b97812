"""Grouping: alerts on entities that share a fact, as signals of one cause.

The fact is declared by the domain's rule (``group``). An incident of a group opens with its k-th
entity within a time, and is over after as long without an alert. Alerts of no open group stay
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamsim.consumers.monitor.incidents.incident import Cause, Hysteresis, Members, Signal
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import DAY, AlertRule, DomainSpec, EventRule

SHOWN = 20
"""Newest members that an incident names."""
MOST = 10_000
"""Most members and alerts that a group remembers; of more, the oldest are forgotten."""
_SUFFIXES = ("_id", "_no", "_number", "_code")


@dataclass(frozen=True, slots=True)
class EntityAlert:
    """An alert on an entity, as far as grouping needs it.

    Attributes
    ----------
    id
        The CloudEvents id.
    at
        Event time (ms).
    group
        The value that alerts with one cause share; ``None``: it stays alone.
    """

    id: str
    rule: str
    entity: str
    at: int
    group: str | None


def entity_alert(
    spec: DomainSpec, alert_id: str, at: int, body: Mapping[str, Any]
) -> EntityAlert | None:
    """Read an alert's body; ``None`` if it is not about an entity.

    Parameters
    ----------
    alert_id, at
        Its CloudEvents id and event time (ms): the record's header ``ce_id`` and its timestamp.
    body
        The value of a record of ``<domain>.alerts``.
    """
    rule = next((r for r in spec.alerting.entity_rules if r.name == body.get("rule")), None)
    if rule is None or rule.noun not in body:
        return None
    entity = str(body[rule.noun])
    value = entity if rule.group == rule.noun else body.get("facts", {}).get(rule.group)
    return EntityAlert(alert_id, rule.name, entity, at, str(value) if value else None)


@dataclass(frozen=True, slots=True)
class Step:
    """What grouping makes of the alerts of one step.

    Attributes
    ----------
    signals
        For :meth:`streamsim.consumers.monitor.incidents.incidents.Incidents.step`.
    alone
        Alerts that belong to no open incident, in order of event time.
    """

    signals: tuple[Signal, ...] = ()
    alone: tuple[EntityAlert, ...] = ()


@dataclass(slots=True)
class _Group:
    """Alerts of one rule that share a value.

    Attributes
    ----------
    ids
        Times of the alerts, by their ids, to recognise repeats.
    members
        Time of each member's last alert, the latest last.
    distinct, new
        Members since the incident began, and alerts that no signal has told yet.
    """

    last: int
    since: int | None = None
    distinct: int = 0
    new: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)


class Grouping:
    """Groups the alerts of one domain, step by step, in event time.

    Parameters
    ----------
    spec
        The domain; rules without ``group`` leave their alerts alone.
    """

    def __init__(self, spec: DomainSpec) -> None:
        self._domain = spec.name
        self._rules = {r.name: r for r in spec.alerting.entity_rules if r.group is not None}
        self._at = NO_TIME
        self._groups: dict[tuple[str, str], _Group] = {}

    def hysteresis(self, renotify: int = DAY) -> dict[str, Hysteresis]:
        """Return how the incidents of groups open and are resolved: as their signals say, at once.

        Parameters
        ----------
        renotify
            While open, an incident is told again after this time (ms of event time).
        """
        return dict.fromkeys(self._rules, Hysteresis(1, 1, 0, renotify))

    def step(self, at: int, alerts: Iterable[EntityAlert] = ()) -> Step:
        """Take the alerts of one step.

        A step that is not later than all before is a repeat: it gives nothing. Within it, and
        within a group's time, a repeated alert is recognised by its id.

        Parameters
        ----------
        at
            Event time of the step (ms).
        alerts
            With event times up to ``at``; earlier ones may come late.

        Raises
        ------
        ValueError
            If an alert is of a later time.
        """
        if at <= self._at:
            return Step()
        ordered = sorted(alerts, key=lambda alert: (alert.at, alert.id))
        if ordered and ordered[-1].at > at:
            raise ValueError(f"an alert of {ordered[-1].at} in the step of {at}")
        before, self._at = self._at, at
        signals: list[Signal] = []
        alone = tuple(alert for alert in ordered if self._is_alone(alert, before, signals))
        for place, group in sorted(self._groups.items()):
            if at - group.last >= self._rules[place[0]].grouped.within:
                self._close(place, group, signals)
            else:
                self._tell(place, group, signals)
        return Step(tuple(signals), alone)

    def _is_alone(self, alert: EntityAlert, before: int, signals: list[Signal]) -> bool:
        """Add an alert to its group; say whether it is new and in no open incident.

        An alert that comes so late that its group would have been over at the step before cannot
        begin one.
        """
        rule = self._rules.get(alert.rule)
        if rule is None or alert.group is None:
            return True
        within, place = rule.grouped.within, (alert.rule, alert.group)
        group = self._groups.get(place)
        if group is not None and alert.id in group.ids:
            return False
        if before - alert.at >= within and (group is None or group.since is None):
            return True
        if group is None:
            group = self._groups[place] = _Group(alert.at)
        if alert.at - group.last >= within:
            self._close(place, group, signals)
            group = self._groups[place] = _Group(alert.at)
        group.last = max(group.last, alert.at)
        member = alert.id if rule.group == rule.noun else alert.entity
        group.distinct += member not in group.members
        group.members[member] = max(alert.at, group.members.pop(member, NO_TIME))
        group.ids[alert.id] = alert.at
        group.new += 1
        for kept in (group.members, group.ids):
            if len(kept) > MOST:
                del kept[next(iter(kept))]
        if group.since is not None:
            return False
        _forget(group, group.last - within)
        if len(group.members) < rule.grouped.least:
            return True
        times = [at for at in group.ids.values() if at > group.last - within]
        group.since, group.distinct, group.new = min(times), len(group.members), len(times)
        self._tell(place, group, signals)
        return False

    def _tell(self, place: tuple[str, str], group: _Group, signals: list[Signal]) -> None:
        """Signal the alerts of an open group that are new."""
        if group.since is None or not group.new:
            return
        rule, events, group.new = self._rules[place[0]], group.new, 0
        is_repeated = rule.group == rule.noun
        newest = () if is_repeated else tuple(reversed(group.members))[:SHOWN]
        members = Members("alert" if is_repeated else rule.noun, group.distinct, newest)
        signals.append(
            Signal(
                self._cause(rule, place[1]),
                group.last,
                is_bad=True,
                is_good=False,
                value=group.distinct,
                bound=rule.grouped.least,
                text=members.text,
                since=group.since,
                events=events,
                members=members,
            )
        )

    def _close(self, place: tuple[str, str], group: _Group, signals: list[Signal]) -> None:
        """Forget a group after its time without an alert, and signal the end of its incident."""
        del self._groups[place]
        if group.since is None:
            return
        self._tell(place, group, signals)
        rule = self._rules[place[0]]
        cause, until = self._cause(rule, place[1]), group.last + rule.grouped.within
        signals.append(Signal(cause, until, False, True, 0, rule.grouped.least, "no alerts"))

    def _cause(self, rule: AlertRule | EventRule, value: str) -> Cause:
        return Cause(self._domain, rule.name, f"{group_noun(rule.group or '')} {value}")

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON types."""
        groups = [
            [
                *place,
                g.last,
                g.since,
                g.distinct,
                g.new,
                list(g.ids.items()),
                list(g.members.items()),
            ]
            for place, g in sorted(self._groups.items())
        ]
        return {"at": self._at, "groups": groups}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take in the state that :meth:`snapshot` returned, in place of this one.

        Raises
        ------
        KeyError, ValueError, TypeError
            If it is none.
        """
        self._at = int(state["at"])
        self._groups = {
            (rule, value): _Group(last, since, distinct, new, dict(ids), dict(members))
            for rule, value, last, since, distinct, new, ids, members in state["groups"]
            if rule in self._rules
        }


def _forget(group: _Group, before: int) -> None:
    """Forget what is too old to open an incident; of late alerts' ids some stay for a while."""
    group.members = {own: at for own, at in group.members.items() if at > before}
    while (first := next(iter(group.ids))) and group.ids[first] <= before:
        del group.ids[first]


def group_noun(column: str) -> str:
    """Return what a column's values are called.

    >>> group_noun("street_id"), group_noun("street")
    ('street', 'street')
    """
    for suffix in _SUFFIXES:
        column = column.removesuffix(suffix)
    return column.replace("_", " ")
