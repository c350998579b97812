"""Plans that are told on ``ops.models``: read in order, and each kind of wrong record is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.benchmarks.fault_injection.told_plans import Timeline, read_timeline

MODEL = "water-leak"


def at(minute: int) -> str:
    return f"2025-01-01T00:{minute:02}:00.000Z"


def ms(minute: int) -> int:
    return 1_735_689_600_000 + minute * 60_000


def champion(version: str = "1") -> dict[str, Any]:
    return {
        "event": "champion", "model": MODEL, "version": version, "threshold": 0.9,
        "effective_from": None,
    }  # fmt: skip


def lease(until: int, version: str = "1", run: str = "a") -> dict[str, Any]:
    return {
        **champion(version), "event": "unchanged", "run": run, "known_until": at(until),
    }  # fmt: skip


def decision(number: int, since: int, champion_: str, **rest: Any) -> dict[str, Any]:
    plan = {
        "champion": champion_, "canary": None, "share": 0.0, "shadow": None, "stand_in": None,
    }  # fmt: skip
    plan |= {name: rest.pop(name) for name in tuple(rest) if name in plan}
    named = {version for version in (champion_, plan["canary"], plan["shadow"]) if version}
    return {
        **champion(champion_), "event": "promoted", "run": "a", "number": number, "plan": plan,
        "effective_from": at(since), "known_until": at(since), "who": "ann", "why": "better",
        "evidence": {}, "signatures": [{"version": v, "threshold": 0.8} for v in sorted(named)],
        **rest,
    }  # fmt: skip


def asked(name: str) -> dict[str, Any]:
    return {**champion(""), "event": "asked", "run": "a", "id": name}


def read(*bodies: dict[str, Any]) -> Timeline:
    return read_timeline([orjson.dumps(body) for body in bodies], MODEL)


def test_plans_are_read_in_order() -> None:
    told = read(
        champion(),
        lease(5),
        asked("x"),
        decision(1, 5, "2", canary="3", share=0.2, evidence={"asked": "x"}),
        lease(9, "2"),
    )
    assert not told.faults
    assert told.numbers(np.array([ms(0), ms(5) - 1, ms(5), ms(8)])).tolist() == [0, 0, 1, 1]
    plan = told.plans[1]
    assert (plan.champion, plan.canary, plan.share, plan.shadow) == ("2", "3", 0.2, None)
    assert plan.thresholds == {"2": 0.8, "3": 0.8}
    assert (told.until, told.decisions, told.refused) == (ms(9), 1, 0)


def test_a_renewal_replaces_the_champion_alone() -> None:
    renewed = {**lease(9, "1-20250101T0005"), "event": "renewed", "effective_from": at(5)}
    told = read(champion(), lease(5), decision(1, 5, "1", shadow="3"), renewed)
    assert not told.faults
    assert [(p.champion, p.shadow) for p in told.plans][1:] == [
        ("1", "3"),
        ("1-20250101T0005", "3"),
    ]


def test_records_of_other_models_and_identical_repeats_are_no_faults() -> None:
    told = read(
        champion(),
        {**lease(3), "model": "power-load", "version": "7"},
        lease(5),
        lease(5),
        decision(1, 5, "2"),
        decision(1, 5, "2"),
        lease(9, "2"),
    )
    assert not told.faults
    assert told.decisions == 1


@pytest.mark.parametrize(
    ("bodies", "fault"),
    [
        ([], "no champion is told"),
        ([champion(), lease(5), lease(6, run="b")], "the records are of 2 runs"),
        ([champion(), lease(5), decision(2, 5, "2")], "decision 1 is missing"),
        (
            [champion(), lease(5), decision(1, 5, "2"), decision(1, 5, "3")],
            "decision 1 is told twice, and differs",
        ),
        (
            [champion(), lease(5), decision(1, 4, "2")],
            "decision 1 takes effect before the end that was known",
        ),
        (
            [champion(), lease(5), decision(1, 5, "2"), lease(9)],
            "1 is told to answer, where 2 is the champion",
        ),
        ([champion(), lease(5), lease(4)], f"the schedule's end goes back to {at(4)}"),
        ([champion(), asked("x")], "request x has 0 answers"),
        (
            [
                champion(), lease(5), asked("x"),
                decision(1, 5, "2", evidence={"asked": "x"}),
                decision(2, 5, "3", evidence={"asked": "x"}),
            ],
            "request x has 2 answers",
        ),
        (
            [
                champion(), lease(5), asked("x"), decision(1, 5, "2", evidence={"asked": "x"}),
                {**asked("x"), "event": "refused", "asked": "x"},
            ],
            "request x has 2 answers",
        ),
        (
            [champion(), lease(5), decision(1, 5, "2", evidence={"asked": "y"})],
            "request y was answered and never made",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_wrong_record_is_found(bodies: list[dict[str, Any]], fault: str) -> None:
    assert fault in read(*bodies).faults
