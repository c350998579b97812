"""Announcing of entries of the schedules, in a thread beside the one that decides.

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
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from queue import Queue
from typing import Any

from streamsim.consumers.predict.model_schedule import RENEWED
from streamsim.models.registry import ALIASES, CHAMPION, Registry
from streamsim.simulator.run.life.ops_models import LifecycleWriter
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import Outbound
from streamsim.streams.settings import Settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import champion_of

log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause between two attempts while the broker or the model service does not answer."""
AHEAD = 10
"""Most announcements that wait; then the process waits too. Each may hold a model in memory."""
SERVICE_TRIES = 20
"""Attempts to have the service load a version. Later it loads the version on the first request."""


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What is announced.

    Attributes
    ----------
    body
        The record for ``ops.models``, if there is one.
    alert, metric
        Records of an incident and of an estimated metric, if there are such.
    made
        A new version with its estimator, which is stored first.
    loaded
        The versions that the service should have loaded before.
    default
        The version that the service then answers with by default, if that changes.
    """

    body: Mapping[str, Any] | None = None
    alert: Outbound | None = None
    metric: Outbound | None = None
    made: tuple[Signature, Estimator] | None = None
    loaded: tuple[Signature, ...] = ()
    default: Signature | None = None


class Announcer:
    """Stores, announces and has the service load versions.

    Parameters
    ----------
    registry
        Of the run's versions.

    Attributes
    ----------
    failure
        Never has a result. It has the error after which nothing more is announced.
    """

    def __init__(self, registry: Registry, broker: str, settings: Settings) -> None:
        self._registry, self._broker, self._settings = registry, broker, settings
        self._writer: LifecycleWriter | None = None
        self._news: Queue[News] = Queue(AHEAD)
        self._defaults: dict[str, Signature] = {}  # by model, the latest that was taken
        self._unserved: dict[str, tuple[Signature, int]] = {}  # and which of them are not served
        self.failure: Future[None] = Future()
        threading.Thread(target=self._run, name="announce", daemon=True).start()

    def take(self, news: News) -> None:
        """Announce something, after all before it."""
        if news.default is not None:
            self._defaults[news.default.model] = news.default
        self._news.put(news)

    @property
    def is_done(self) -> bool:
        """Whether all that was taken is announced."""
        return self._news.unfinished_tasks == 0 and not self.failure.done()

    def flush(self) -> None:
        """Wait until all is announced; raise the error if there was one."""
        self._news.join()
        if self.failure.done():
            self.failure.result()

    def _run(self) -> None:
        while True:
            news = self._news.get()
            try:
                if not self.failure.done():
                    self._announce(news)
            except BaseException as error:
                self.failure.set_exception(error)
            finally:
                self._news.task_done()

    def _announce(self, news: News) -> None:
        if news.made is not None:
            signature, estimator = news.made
            self._registry.put(
                estimator,
                signature,
                data={"renewed_from": champion_of(signature.version)},
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        for signature in news.loaded:
            _loaded(self._settings, signature, default=False)
        if news.body is not None:
            self._name(news.body)
        self._publish(news)
        own = news.default
        if own is not None and self._defaults[own.model] is own:  # or a later one waits already
            self._unserved[own.model] = own, 0
        self._serve()

    def _name(self, body: Mapping[str, Any]) -> None:
        """Give the run's versions the aliases of what they are to do.

        A version with an alias is not deleted, and a service that is started again answers with the
        champion by default.
        """
        plan = {CHAMPION: body["version"]} if body["event"] == RENEWED else body.get("plan", {})
        known = self._registry.versions(body["model"]) if plan else []
        for alias in ALIASES:
            if alias in plan:
                version = plan[alias]
                with suppress(OSError):  # a full disk stops no decision
                    self._registry.set_alias(
                        body["model"], alias, version if version in known else None
                    )

    def _publish(self, news: News) -> None:
        """Publish its records; retry until it succeeds, as events wait for them."""
        while True:
            try:
                self._writer = self._writer or LifecycleWriter(self._broker)
                self._writer.publish([] if news.body is None else [news.body])
                others = (news.alert, news.metric)
                self._writer.send([record for record in others if record is not None])
                return
            except BrokerError as error:
                log.warning("trying again: %s", error)
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
                time.sleep(PAUSE_S)

    def _serve(self) -> None:
        """Have the service answer with the newest versions by default; go on if more waits.

        The service loads a version that is asked for in any case. Told in advance, it keeps no
        event waiting, and answers with the newest version by default.
        """
        while self._unserved:
            for model, (released, tries) in list(self._unserved.items()):
                if _loaded(self._settings, released, default=True):
                    del self._unserved[model]
                elif tries + 1 < SERVICE_TRIES:
                    self._unserved[model] = released, tries + 1
                else:
                    log.warning("the service does not load %s %s", model, released.version)
                    del self._unserved[model]
            if not self._news.empty():
                return
            if self._unserved:
                time.sleep(PAUSE_S)


def _loaded(settings: Settings, released: Signature, *, default: bool) -> bool:
    """Have the model service load a version; return whether it did."""
    try:
        return _asked(settings, released, default=default) == HTTPStatus.OK
    except OSError:
        return False


def serves(settings: Settings, released: Signature) -> bool | None:
    """Say whether the model service loads a version for this process; ``None``: no answer."""
    try:
        status = _asked(settings, released, default=False)
    except OSError:
        return None
    return None if status == HTTPStatus.SERVICE_UNAVAILABLE else status == HTTPStatus.OK


def _asked(settings: Settings, released: Signature, *, default: bool) -> int:
    """Ask the model service to load a version; return the status of its answer."""
    parameters = {"version": released.version, "default": default}
    request = urllib.request.Request(  # noqa: S310 - our own URL
        f"{settings.model_url}/v2/repository/models/{released.model}/load",
        json.dumps({"parameters": parameters}).encode(),
        {"Authorization": f"Bearer {settings.token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own URL
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
