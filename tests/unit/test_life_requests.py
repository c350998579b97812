"""Requests to a running stack: what is signed is done, what is not is foreign."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from streamsim.consumers.predict.model_schedule import read_lifecycle
from streamsim.simulator.run.life.life_lines import lifecycle_line
from streamsim.simulator.run.life.life_requests import (
    TOKEN,
    new_request,
    read_request,
    refusal,
    write_token,
)
from streamsim.streams.errors import ForeignRecordError

REQUEST = new_request("run", "m", "canary", version="3", share=0.2, who="ann", why="a trial")

DEEP: object = orjson.Fragment(b"[" * 500 + b"]" * 500)


def sent(token: str = "secret", **changes: object) -> dict[str, object]:
    body = orjson.dumps({**REQUEST.as_record(token), **changes})
    return read_lifecycle(body)


def test_a_signed_request_says_what_was_asked() -> None:
    assert read_request(sent(), "run", "secret") == REQUEST
    assert read_request(sent(), "another run", "secret") is None
    line = lifecycle_line(sent(), 0)
    assert line.endswith("m: ann asks: canary 3")


@pytest.mark.parametrize(
    "changes",
    [
        {"share": 0.9}, {"version": "4"}, {"who": "eve"}, {"signed": "0"}, {"signed": "\xe9" * 64},
        {"values": {"a": "b"}}, {"values": {"a": DEEP}},
    ],
)  # fmt: skip
def test_a_request_that_was_changed_is_foreign(changes: dict[str, object]) -> None:
    with pytest.raises(ForeignRecordError, match="signed"):
        read_request(sent(**changes), "run", "secret")


def test_a_request_with_another_token_is_foreign() -> None:
    with pytest.raises(ForeignRecordError, match="token"):
        read_request(sent("guessed"), "run", "secret")


def test_a_value_that_is_no_number_is_foreign() -> None:
    other = new_request("run", "m", "set", who="ann", why="", values={"threshold": float("nan")})
    body = read_lifecycle(orjson.dumps(other.as_record("secret")))
    with pytest.raises(ForeignRecordError, match="value"):
        read_request(body, "run", "secret")


def test_an_unknown_action_is_foreign() -> None:
    other = new_request("run", "m", "destroy", who="ann", why="")
    body = read_lifecycle(orjson.dumps(other.as_record("secret")))
    with pytest.raises(ForeignRecordError, match="action"):
        read_request(body, "run", "secret")


def test_a_refusal_names_the_request_and_the_reason() -> None:
    body = read_lifecycle(orjson.dumps(refusal(REQUEST, "no such version")))
    assert body["asked"] == REQUEST.id
    assert lifecycle_line(body, 0).endswith("ann asks: canary 3; refused: no such version")


def test_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / TOKEN).write_text("old")
    write_token(tmp_path, "new")
    assert (tmp_path / TOKEN).read_text() == "new"
    assert (tmp_path / TOKEN).stat().st_mode & 0o777 == 0o600
