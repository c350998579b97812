"""Files of a run on disk: alerts and metrics as they arrive, and the report.

A full disk does not end a run: a failed write is reported once, and the stack goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from streamsim.simulator.run.runs import Run
from streamsim.streams.errors import StackError, UsageError

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
    """Write a file of a run, or leave none and warn that it could not be written."""
    try:
        write_whole(path, data)
    except StackError as error:
        warn(str(error))


def must_be_writable(file: Path) -> None:
    """Refuse a file that cannot be written, before a run has taken hours to make it.

    Raises
    ------
    UsageError
        With the path, and why.
    """
    folder = file.absolute().parent
    if file.is_dir():
        raise UsageError(f"{file}: a folder, not a file")
    if not folder.is_dir():
        raise UsageError(f"{file}: no such folder, {folder}")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise UsageError(f"{file}: permission denied")


def write_whole(file: Path, data: bytes) -> None:
    """Write a file, or leave none.

    Raises
    ------
    StackError
        If it cannot be written, with the path, and why.
    """
    try:
        if file.exists() and not file.is_file():  # a device, /dev/stdout
            file.write_bytes(data)
            return
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            draft.write_bytes(data)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StackError(f"{file} could not be written: {error.strerror or error}") from None
