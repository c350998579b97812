"""Connections of the model service: time-outs for requests, and room for new clients.

Waitress closes a connection that is silent. It keeps one whose request never ends, and accepts no
others once it has its most connections. Here a request must be there in time, and the connection
that has been idle longest makes room.
"""

from __future__ import annotations

import re
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer

REQUEST_S = 20
"""A request must be there within this time of its first byte; a silent connection is closed too."""
MOST = 500
"""Most open connections."""
_LOOK_S = 1
_BOTH = re.compile(rb"^(content-length|transfer-encoding)\s*:", re.IGNORECASE | re.MULTILINE)


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Refuses a request of two lengths, of which two programs could believe different ones."""

    def parse_header(self, header_plus: bytes) -> None:
        if len({name.lower() for name in _BOTH.findall(header_plus)}) == 2:
            raise ParsingError("a request has Content-Length or Transfer-Encoding, not both")
        super().parse_header(header_plus)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that counts as idle from the first byte of a request until it is complete."""

    parser_class = _Parser
    _begun: float | None = None
    _latest: float = 0.0

    @property
    def last_activity(self) -> float:
        return self._latest if self._begun is None else self._begun

    @last_activity.setter
    def last_activity(self, time_s: float) -> None:
        self._latest = time_s

    def received(self, data: bytes) -> bool:
        found: bool = super().received(data)
        if self.request is None:
            self._begun = None
        elif self._begun is None:
            self._begun = time.time()
        return found


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Waitress's server, which always takes a new client."""

    channel_class = _Channel

    def readable(self) -> bool:
        """Say whether a new client may connect, after making room for it."""
        if len(self._map) >= self.adj.connection_limit:
            idle = [own for own in self.active_channels.values() if not own.requests]
            for channel in sorted(idle, key=lambda own: own.last_activity)[: MOST // 10]:
                channel.will_close = True
        accepts: bool = super().readable()
        return accepts


def make_server(app: Any, *, host: str, port: int, threads: int, max_body: int) -> Server:
    """Return a server that listens on an address.

    Parameters
    ----------
    max_body
        Most bytes of a body that the application takes.

    Raises
    ------
    OSError
        If it cannot listen there.
    """
    adjustments = Adjustments(
        host=host,
        port=port,
        threads=threads,
        channel_timeout=REQUEST_S,
        cleanup_interval=_LOOK_S,
        connection_limit=MOST,
        asyncore_use_poll=True,  # select() knows no file descriptor above 1,023
        # Flask reads a body that is too large before it answers 413: a client that is cut off
        # while it sends may miss the answer. Waitress cuts off only much larger bodies.
        max_request_body_size=max_body * 4,
        ident="streamsim",
    )
    return Server(app, adj=adjustments)
