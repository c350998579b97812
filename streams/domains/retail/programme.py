"""Retail: simulated loyalty programme: campaigns, participants and redemptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from streamsim.streams.codec import encode_objects
from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY
from streamsim.streams.spec.third_parties import HttpApi, StandInSpec, ThirdPartySpec
from streamsim.streams.spec.world import Emission

from .households import AGES, SIZES, Town
from .loyalty import Member, as_of
from .loyalty_api import HEALTH, LoyaltyStandIn, ask
from .members import facts_of
from .schema import LOYALTY

FACTS = "programme"
"""Emission with the programme's facts; it is not sent to a topic."""
ZONE = "America/New_York"
_EVERY, _LASTS = 14, 35
"""Days between two campaigns, and length of a campaign (days)."""
_SHARE = 0.55


class Programme:
    """Facts for the programme's stand-in, day by day."""

    def __init__(self, seed: int, town: Town, epoch: int) -> None:
        self._seed, self._town, self._epoch = seed, town, epoch
        self._campaigns: dict[int, np.ndarray[Any, np.dtype[np.bool_]]] = {}

    def facts(self, day: int, who: Ints, time: Ints, decline: Floats) -> Emission:
        """Return the facts of a day: new campaigns, and redemptions of visitors.

        Parameters
        ----------
        who, time
            The day's visits: households, and their times (ms).
        """
        facts: list[tuple[int, Mapping[str, Any]]] = []
        start = self._epoch + day * DAY
        if day % _EVERY == 0:
            facts += [(start, fact) for fact in self._begin(day // _EVERY)]
        self._campaigns = {
            n: invited for n, invited in self._campaigns.items() if n * _EVERY + _LASTS > day
        }
        draw = stream(self._seed, "coupons", day)
        eager = draw.random(len(who)) < (self._town.responds * (1.0 - decline))[who]
        for row in np.flatnonzero(eager).tolist():
            household = int(who[row])
            open_ = [n for n, invited in self._campaigns.items() if invited[household]]
            if open_:
                on = self._date(day)
                coupon = {"coupon": f"{open_[0]}-{day}-{row}", "campaign": str(open_[0]), "on": on}
                facts.append((int(time[row]), self._fact(household, redemptions=[coupon])))
        facts.sort(key=lambda fact: fact[0])
        at = np.array([t for t, _ in facts], np.int64)
        names = ("household_id", "campaigns", "profile", "redemptions")
        values = encode_objects({n: [fact[n] for _, fact in facts] for n in names})
        keys = [fact["household_id"].encode() for _, fact in facts]
        return Emission(FACTS, at, at, keys, values)

    def _begin(self, number: int) -> list[Mapping[str, Any]]:
        """Begin a campaign: return the facts of the invited households."""
        town = self._town
        draw = stream(self._seed, "campaigns", number)
        invited = town.member & (draw.random(len(town)) < _SHARE)
        self._campaigns[number] = invited
        first, last = self._date(number * _EVERY), self._date(number * _EVERY + _LASTS)
        campaign = {"campaign": str(number), "from": first, "until": last}
        return [
            self._fact(
                household,
                campaigns=[campaign],
                # The household's own statements when it joined.
                profile={
                    "age": AGES[town.age[household]],
                    "household_size": SIZES[town.size[household]],
                },
            )
            for household in np.flatnonzero(invited).tolist()
        ]

    def _fact(self, household: int, **parts: Any) -> Mapping[str, Any]:
        nothing: dict[str, Any] = {"campaigns": [], "profile": {}, "redemptions": []}
        return {"household_id": self._town.household_id[household], **nothing, **parts}

    def _date(self, day: int) -> str:
        epoch = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._epoch)
        return (epoch + timedelta(days=day)).date().isoformat()


def as_event(household: str, member: Member | None, asked_at: int) -> Mapping[str, Any]:
    """Return the data of a household that were known at the question, as fields of an event."""
    known = dict(as_of(member, asked_at, ZONE))
    profile = known.pop("profile")
    assert isinstance(profile, Mapping)
    said = {name: profile.get(name) for name in ("age", "household_size")}
    texts = {name: value if isinstance(value, str) else None for name, value in said.items()}
    return {"household_id": household, **known, **texts}


PARTY = ThirdPartySpec(
    name="loyalty",
    noun="loyalty programme",
    source=LOYALTY.name,
    facts=FACTS,
    ttl=7 * DAY,
    event=as_event,
    api=HttpApi(ask),
    standin=StandInSpec(
        begin=LoyaltyStandIn,
        entries="members",
        health=HEALTH,
        file="loyalty.json",
        facts_of=facts_of,
    ),
)
