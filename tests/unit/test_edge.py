"""Pseudonymisation at the producer: no identifier is sent, and the key is the home's own."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.streams.codec import encode_objects
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SettingError
from streamsim.streams.privacy.edge import pseudonymised
from streamsim.streams.privacy.keys import privacy_key
from streamsim.streams.privacy.pseudonyms import keyed_hash, pseudonym
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Emission, Slice

KEY = bytes(range(100, 140))


@pytest.fixture
def spec() -> DomainSpec:
    finance = load_domain("finance")
    pseudonyms = {"card_id": "card", "event_id": "e", "payment": "e"}
    return replace(finance, inputs=replace(finance.inputs, pseudonyms=pseudonyms))


def emission(values: list[bytes], keys: list[bytes | None]) -> Emission:
    times = np.arange(len(values))
    return Emission("transactions", times, times, keys, values)


def sent(spec: DomainSpec, *emissions: Emission) -> list[Emission]:
    (piece,) = pseudonymised(spec.inputs, [Slice(10, emissions)], KEY)
    return list(piece.emissions)


def test_fields_of_one_kind_and_keys_still_join(spec: DomainSpec) -> None:
    bodies = encode_objects(
        {"event_id": ["p1", "x"], "card_id": ["c1", None], "payment": [None, "p1"]}
    )
    (found,) = sent(spec, emission(bodies, [b"c1", None]))
    one, two = map(orjson.loads, found.values)
    assert one["card_id"].encode() == found.keys[0] == pseudonym("c1", KEY, "card").encode()
    assert one["event_id"] == two["payment"] == pseudonym("p1", KEY, "e")
    assert two["card_id"] is None
    assert found.keys[1] is None


def test_what_cannot_be_read_is_withheld_with_its_hash(spec: DomainSpec) -> None:
    wrecks = [b'{"card_id":"c0000017"', b"\xff c0000017", b"[]", b""]
    (found,) = sent(spec, emission([*wrecks, b'{"event_id":"p"}'], [b"c0000017", *(None,) * 4]))
    for wreck, value in zip(wrecks, found.values, strict=False):
        assert value.decode() == f"[withheld: {len(wreck)} bytes, {keyed_hash(wreck, KEY)}]"
    assert found.keys[0] == pseudonym("c0000017", KEY, "card").encode()
    assert orjson.loads(found.values[4])["event_id"] == pseudonym("p", KEY, "e")


def test_an_identifier_that_is_no_text_is_not_sent(spec: DomainSpec) -> None:
    """A number, or a list of ids: the cleaner finds no identifier."""
    values = [b'{"card_id":4711,"amount_cents":5}', b'{"card_id":["c1"]}', b'{"card_id":""}']
    (found,) = sent(spec, emission(values, [None] * 3))
    assert [orjson.loads(v)["card_id"] for v in found.values] == [None] * 3
    assert orjson.loads(found.values[0])["amount_cents"] == 5


def test_a_home_has_a_key_of_its_own_that_only_its_owner_reads(tmp_path: Path) -> None:
    one = read_settings({"home": str(tmp_path / "a")}, {})
    other = read_settings({"home": str(tmp_path / "b")}, {})
    key = privacy_key(one)
    assert len(key) >= 32
    assert privacy_key(one) == key != privacy_key(other)
    assert stat.S_IMODE((tmp_path / "a" / "privacy.key").stat().st_mode) == 0o600
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["privacy.key"]


def test_the_settings_key_goes_before_that_of_the_home(tmp_path: Path) -> None:
    settings = read_settings({"home": str(tmp_path), "privacy_key": KEY.hex()}, {})
    assert privacy_key(settings) == KEY
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["secret", "00" * 16, "zz" * 32])
def test_a_key_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="32 bytes"):
        privacy_key(read_settings({"home": str(tmp_path), "privacy_key": text}, {}))
