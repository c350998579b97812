"""Announcing of renewed versions, in a thread beside the one that learns.

A version is stored before it is announced, so an announced version can be loaded, also if a process
is killed. Entries are announced in the order in which they were made.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from queue import Queue

from streamsim.consumers.predict.model_schedule import Entry
from streamsim.models.registry import Registry
from streamsim.simulator.run.lifecycle import LifecycleWriter
from streamsim.streams.errors import BrokerError
from streamsim.streams.settings import Settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator

log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause between two attempts while the broker or the model service does not answer."""
AHEAD = 2
"""Most entries that wait; then learning waits too. Each may hold a model in memory."""
SERVICE_TRIES = 20
"""Attempts to have the service load a version. Later it loads the version on the first request."""


class Announcer:
    """Stores, announces and has the service load the versions of one model.

    Parameters
    ----------
    champion
        The version that is renewed.
    registry
        Of the renewed versions.
    group
        The workers' consumer group, for which versions are announced.

    Attributes
    ----------
    failure
        Never has a result. It has the error after which nothing more is announced.
    """

    def __init__(
        self, champion: Signature, registry: Registry, broker: str, group: str, settings: Settings
    ) -> None:
        self._champion, self._registry = champion, registry
        self._broker, self._group, self._settings = broker, group, settings
        self._writer: LifecycleWriter | None = None
        self._entries: Queue[tuple[Entry, Estimator | None]] = Queue(AHEAD)
        self.failure: Future[None] = Future()
        name = f"announce {champion.model}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def take(self, entry: Entry, estimator: Estimator | None) -> None:
        """Announce an entry, after those before it, with the estimator of a new version."""
        self._entries.put((entry, estimator))

    def flush(self) -> None:
        """Wait until all entries are announced; raise the error if there was one."""
        self._entries.join()
        if self.failure.done():
            self.failure.result()

    def _run(self) -> None:
        while True:
            entry, estimator = self._entries.get()
            try:
                if not self.failure.done():
                    self._announce(entry, estimator)
            except BaseException as error:
                self.failure.set_exception(error)
            finally:
                self._entries.task_done()

    def _announce(self, entry: Entry, estimator: Estimator | None) -> None:
        released = replace(self._champion, version=entry.version, threshold=entry.threshold)
        if estimator is not None:
            self._registry.put(
                estimator,
                released,
                data={"renewed_from": self._champion.version},
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        self._publish(entry)
        if estimator is not None:
            self._serve(released)

    def _publish(self, entry: Entry) -> None:
        """Publish an entry to ``ops.models``; retry until it succeeds, as events wait for it."""
        while True:
            try:
                self._writer = self._writer or LifecycleWriter(self._broker)
                self._writer.publish([entry.as_record(self._group)])
                return
            except BrokerError as error:
                log.warning("trying again: %s", error)
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
                time.sleep(PAUSE_S)

    def _serve(self, released: Signature) -> None:
        """Have the model service load a version, unless the next entry waits already.

        The service loads a version that is asked for in any case. Told in advance, it keeps no
        event waiting, and answers with the newest version by default.
        """
        for _ in range(SERVICE_TRIES):
            if not self._entries.empty() or _loaded(self._settings, released):
                return
            time.sleep(PAUSE_S)
        log.warning("the service does not load %s %s", released.model, released.version)


def _loaded(settings: Settings, released: Signature) -> bool:
    """Have the model service load a version; return whether it did."""
    request = urllib.request.Request(  # noqa: S310 - our own URL
        f"{settings.model_url}/v2/repository/models/{released.model}/load",
        json.dumps({"parameters": {"version": released.version}}).encode(),
        {"Authorization": f"Bearer {settings.token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own URL
            return True
    except (urllib.error.URLError, OSError):
        return False
