"""Run a stand-in for a third party: ``python -m streamsim.simulator.standins DOMAIN[/NAME]``."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from streamsim.simulator.standins.behaviour import Temper
from streamsim.simulator.standins.facts_file import learn_file
from streamsim.simulator.standins.stand_in_server import MAX_BODY, create_stand_in
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SettingError, StackError, StreamsimError, UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec.third_parties import ThirdPartySpec

PORT = 8600
THREADS, MOST_WAITING = 32, 28
"""Threads that may give slow answers. The others stay free to switch the slowness off."""
SILENCE_S = 20
"""Time after which an idle connection is closed."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.standins",
        description="Stand in for a third party of a domain. The API key of its clients is "
        "STREAMSIM_<NAME>_KEY, the token for /admin is STREAMSIM_TOKEN.",
    )
    parser.add_argument("party", metavar="DOMAIN[/NAME]", help="domain and name of the third party")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on (%(default)s); 0 takes a free one"
    )
    parser.add_argument(
        "--facts", type=Path, metavar="FILE", help="JSON file of the facts that it knows"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        arguments = parser().parse_args(argv)
        party = find_party(arguments.party)
        _serve(party, arguments.host, arguments.port, arguments.facts)
    except StreamsimError as error:
        print(f"streamsim.simulator.standins: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def find_party(text: str) -> ThirdPartySpec:
    """Return the third party ``DOMAIN/NAME``, or the only one of ``DOMAIN``.

    Raises
    ------
    UsageError
        If the text names no third party, or a domain with several.
    """
    domain, _, name = text.partition("/")
    parties = {party.name: party for party in load_domain(domain).inputs.third_parties}
    found = [party for party in parties.values() if name in ("", party.name)]
    if len(found) != 1:
        known = ", ".join(f"{domain}/{own}" for own in parties) or f"{domain} asks none"
        raise UsageError(f"{text!r} does not name one third party: {known}")
    return found[0]


def _serve(party: ThirdPartySpec, host: str, port: int, file: Path | None) -> None:
    from waitress import create_server

    settings = read_settings()
    key = settings.of(party.key)
    if not key:
        raise SettingError(f"set {party.key.variable}, the API key that clients must send")
    if not 0 <= port <= 65_535:
        raise SettingError(f"--port must be between 0 and 65535, not {port}")
    standin = party.standin.begin()
    if file is not None:
        learn_file(standin, party.standin, file)
    temper = Temper(time.monotonic, random.Random(settings.seed), MOST_WAITING)  # noqa: S311
    token = settings.of(party.token) or settings.token
    app = create_stand_in(party, standin, temper, key=key, token=token)
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=THREADS,
            channel_timeout=SILENCE_S,
            cleanup_interval=5,
            # As in the model service: a body that is too large is read before Flask refuses it.
            max_request_body_size=MAX_BODY * 4,
            ident=party.name,
        )
    except OSError as error:
        raise StackError(f"cannot listen on {host}:{port}: {error.strerror}") from None

    def stop(number: int, frame: FrameType | None) -> None:
        temper.change({"latency_ms": 0, "latency_jitter_ms": 0})  # slow answers are sent at once
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    address = f"http://{host}:{server.effective_port}"
    print(f"{party.noun} on {address}, {party.standin.entries}: {len(standin)}", flush=True)
    try:
        server.run()
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
