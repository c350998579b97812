"""Files of a run on disk: alerts and metrics as they arrive, and the report.

A full disk does not end a run: a failed write is reported once, and the stack goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from streamsim.simulator.run.runs import Run

MOST_BYTES = 32 << 20
"""Size at which a file is put aside, in the place of the one before it."""


class Keeper:
    """Appends the values of topics to files in a run's folder, a line each; a context manager.

    Of each topic the latest values are kept: two files of ``most`` bytes at most.

    Parameters
    ----------
    warn
        Called with a message when a write fails, or older values are dropped.
    """

    def __init__(
        self,
        run: Run,
        topics: Iterable[str],
        warn: Callable[[str], None],
        most: int = MOST_BYTES,
    ) -> None:
        self._run, self._topics, self._warn, self._most = run, list(topics), warn, most
        self._files: dict[str, BinaryIO] = {}
        self._open = ExitStack()

    def __enter__(self) -> Keeper:
        for name in self._topics:
            # Unbuffered: closing the file must not retry a failed write.
            file = self._run.kept(name).open("wb", buffering=0)
            self._files[name] = self._open.enter_context(file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def line(self, topic: str, value: bytes) -> None:
        """Append a value to the file of its topic."""
        file = self._files.get(topic)
        if file is None:
            return
        before = file.tell()
        try:
            data = value + b"\n"
            if file.write(data) < len(data):
                file.truncate(before)  # a partial line would be read as a whole one
                raise OSError("no space left")
            if before + len(data) >= self._most:
                self._put_aside(topic, file)
        except OSError as error:
            del self._files[topic]
            self._warn(f"{topic} is no longer written to disk: {error.strerror or error}")

    def _put_aside(self, topic: str, file: BinaryIO) -> None:
        aside = self._run.kept_before(topic)
        if aside.exists():
            self._warn(f"{topic}: only the latest records are kept on disk")
        self._run.kept(topic).replace(aside)
        file.close()
        new = self._run.kept(topic).open("wb", buffering=0)
        self._files[topic] = self._open.enter_context(new)


def keep(path: Path, data: bytes, warn: Callable[[str], None]) -> None:
    """Write a file of a run, or warn that it could not be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        warn(f"{path} could not be written: {error.strerror or error}")
