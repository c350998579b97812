"""Ports of the loopback for a server that restarts while its clients stay connected."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

from streamsim.streams.errors import BrokerError

HOST = "127.0.0.1"
LOWEST, FIRST_GIVEN = 20_000, 32_768
GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")


def steady_ports(given: int | None) -> tuple[int, int]:
    """Return two free ports outside the system's ephemeral range, the first as given.

    While the broker is down its clients retry its port. If the port were ephemeral, a client could
    be assigned it as its own source port, connect to itself and occupy the port.
    """
    first = FIRST_GIVEN
    with suppress(OSError, ValueError):
        first = int(GIVEN.read_text().split()[0])
    ports = range(LOWEST, first if first > LOWEST + 100 else FIRST_GIVEN)
    free = (port for port in random.sample(ports, len(ports)) if port != given and is_free(port))
    try:
        return given or next(free), next(free)
    except StopIteration:
        raise BrokerError("no port of the loopback is free") from None


def is_free(port: int) -> bool:
    """Return whether a port of the loopback is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
