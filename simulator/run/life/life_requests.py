"""Requests to change which version answers: signed records of ``ops.models``.

The process that decides is the only writer of decisions. Everyone else asks it by a record, signed
with the run's token, which lies in the run's folder. The topic so keeps who asked for what, and
what became of it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.stored.foreign_records import NUMBER, check_fields

ASKED, REFUSED = "asked", "refused"
ACTIONS = ("shadow", "canary", "promote", "rollback", "withdraw", "set")
ALREADY = "is the champion already"
"""Ends the reason of a refusal that changes nothing for the one who asked."""
TOKEN = "token"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes
    ----------
    action
        One of :data:`ACTIONS`.
    version
        The version that it is about; empty where the action needs none.
    share
        Share of the entities that a canary answers.
    values
        Settings of ``set``, by name.
    """

    id: str
    run: str
    model: str
    action: str
    version: str
    share: float
    who: str
    why: str
    values: Mapping[str, float]

    def as_record(self, token: str) -> dict[str, Any]:
        """Write it for ``ops.models``, signed."""
        body = {"event": ASKED, "threshold": 0.0, "effective_from": None, **asdict(self)}
        return {**body, "signed": sign(body, token)}


def new_request(
    run: str,
    model: str,
    action: str,
    *,
    version: str = "",
    share: float = 0.0,
    who: str,
    why: str,
    values: Mapping[str, float] | None = None,
) -> Request:
    """Return a request with an id of its own."""
    name = secrets.token_hex(8)
    return Request(name, run, model, action, version, share, who, why, dict(values or {}))


def sign(body: Mapping[str, Any], token: str) -> str:
    """Return the signature of a request: HMAC with SHA-256 over its sorted JSON."""
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()


def read_request(body: Mapping[str, Any], run: str, token: str) -> Request | None:
    """Read a record of ``ops.models`` that was read as one of a model's life.

    Returns
    -------
    ``None`` if it is no request to this run.

    Raises
    ------
    ForeignRecordError
        If it is not signed with the run's token, or a field is missing.
    """
    if body["event"] != ASKED or body.get("run") != run:
        return None
    kinds: dict[str, Any] = dict.fromkeys(("id", "action", "who", "why", "signed"), str)
    check_fields(body, {**kinds, "share": NUMBER, "values": dict})
    rest = {name: value for name, value in body.items() if name != "signed"}
    try:
        signed = sign(rest, token)
    except orjson.JSONEncodeError:  # what is nested deeply is read, and cannot be written
        raise ForeignRecordError("a request that cannot be signed") from None
    # Of texts those in ASCII alone can be compared: others raise an error.
    if not hmac.compare_digest(signed.encode(), str(body["signed"]).encode()):
        raise ForeignRecordError("a request that is not signed with the run's token")
    if body["action"] not in ACTIONS or len(body["who"]) + len(body["why"]) > 1000:
        raise ForeignRecordError("a request for no known action")
    for value in body["values"].values():
        check_fields({"value": value}, {"value": NUMBER})
    return Request(
        body["id"], run, body["model"], body["action"], body["version"], float(body["share"]),
        body["who"], body["why"], body["values"],
    )  # fmt: skip


def refusal(request: Request, why: str) -> dict[str, Any]:
    """Write for ``ops.models`` that a request is refused."""
    return {
        "event": REFUSED,
        "run": request.run,
        "model": request.model,
        "version": request.version,
        "threshold": 0.0,
        "effective_from": None,
        "asked": request.id,
        "action": request.action,
        "who": request.who,
        "why": why,
    }


def write_token(folder: Path, token: str) -> None:
    """Keep a run's token in its folder, for its owner alone."""
    path = folder / TOKEN
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(token)
