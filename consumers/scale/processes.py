"""Parallel work over users on one machine: a pool of processes, with answers in order.

Over machines, Kafka and Faust distribute work by partitions. This module is for a batch on one
machine, such as answers for all users. Chunks go to processes as these become free. Answers are
yielded in the order of the users, and only the chunks in progress are in memory.

``python -m streamsim.consumers.scale`` recommends to 100,000 users and reports what each process
did.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeAlias, TypeVar

from threadpoolctl import threadpool_limits

from streamsim.streams.errors import StreamsimError, UsageError

User = TypeVar("User")
Answer = TypeVar("Answer")
Work: TypeAlias = Callable[[Sequence[User]], Sequence[Answer]]
"""``users -> one answer each``; the callable must be picklable. Large arrays belong in files that
the processes share (:mod:`streamsim.consumers.scale.shared_arrays`)."""

TRIES = 2
"""A chunk whose process has died is retried once."""


class WorkError(StreamsimError):
    """A chunk of users failed: the work raised an error, or killed its process twice."""


@dataclass(slots=True)
class Share:
    """Statistics of one process, including the processes that replaced it.

    Attributes
    ----------
    users
        Users that it answered.
    busy_s
        How long it worked.
    cpu_s
        Processor time, its start included.
    peak_mb
        Peak memory, in MiB, including memory that it shares with others.
    deaths
        How often it died.
    """

    users: int = 0
    busy_s: float = 0.0
    deaths: int = 0
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass(slots=True)
class Shares:
    """Statistics of all processes; updated as answers arrive."""

    processes: list[Share] = field(default_factory=list)

    def as_text(self) -> str:
        """Return a line per process.

        >>> print(Shares([Share(300, 1.5), Share(100, 0.5, 1)]).as_text())
        process 0: 300 users, 75 %, 1.50 s busy
        process 1: 100 users, 25 %, 0.50 s busy, replaced 1 x
        """
        total = max(1, sum(share.users for share in self.processes))
        lines = []
        for number, share in enumerate(self.processes):
            died = f", replaced {share.deaths} x" if share.deaths else ""
            held = f", at most {share.peak_mb:.0f} MiB" if share.peak_mb else ""
            part = f"{share.users:,} users, {round(100 * share.users / total)} %"
            lines.append(f"process {number}: {part}, {share.busy_s:.2f} s busy{held}{died}")
        return "\n".join(lines)


def process_users(
    users: Iterable[User],
    work: Work[User, Answer],
    *,
    processes: int = 2,
    chunk: int = 500,
    shares: Shares | None = None,
) -> Iterator[Answer]:
    """Answer users in parallel over processes.

    Parameters
    ----------
    users
        Read only as far ahead as there is room.
    work
        Called in the processes with up to ``chunk`` users. Numerical libraries use one thread
        there, since each process has a core.
    processes
        How many; a single one is a separate process too.
    shares
        Receives the statistics of each process.

    Yields
    ------
    The answers, in the order of the users.

    Raises
    ------
    WorkError
        If the work raises, returns another number of answers than it has users, or kills its
        process twice.
    UsageError
        If ``processes`` or ``chunk`` is below 1, the processes cannot import the work, or the
        call stands in a script without ``if __name__ == "__main__":``.
    """
    if processes < 1 or chunk < 1:
        raise UsageError("at least one process, and one user in a chunk")
    _check_importable(work)
    source = iter(users)
    chunks = iter(lambda: list(islice(source, chunk)), [])
    pool = _Pool(work, processes, shares if shares is not None else Shares())
    try:
        yield from pool.run(chunks)
    finally:
        pool.close()


@dataclass(slots=True, eq=False)
class _Task(Generic[User]):
    """A chunk, its place in the order, and how often it has been tried."""

    number: int
    users: list[User]
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Worker:
    """A process and its current chunk."""

    process: BaseProcess
    pipe: Connection
    task: _Task[Any] | None = None
    since: float = 0.0


class _Pool(Generic[User, Answer]):
    """Pool of processes that take chunks; a process that dies is replaced."""

    def __init__(self, work: Work[User, Answer], processes: int, shares: Shares) -> None:
        # Spawned, not forked: the caller may have threads, which a fork would not copy.
        self._context = multiprocessing.get_context("spawn")
        self._work = work
        self._shares = shares.processes
        self._shares += [Share() for _ in range(processes - len(self._shares))]
        self._ahead = 4 * processes
        self._workers = [self._start() for _ in range(processes)]
        self._again: deque[_Task[User]] = deque()
        self._done: dict[int, Sequence[Answer]] = {}
        self._yielded = 0

    def run(self, chunks: Iterator[list[User]]) -> Iterator[Answer]:
        tasks = (_Task(number, users) for number, users in enumerate(chunks))
        coming = True
        while coming or self._again or any(worker.task for worker in self._workers):
            coming = self._hand_out(tasks) and coming
            self._gather()
            while self._yielded in self._done:
                yield from self._done.pop(self._yielded)
                self._yielded += 1

    def close(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        process.start()
        theirs.close()  # so that its end is seen when the process ends
        return _Worker(process, ours)

    def _hand_out(self, tasks: Iterator[_Task[User]]) -> bool:
        """Give chunks to idle processes; return whether there may be more chunks."""
        for worker in self._workers:
            if worker.task is not None:
                continue
            task = self._again.popleft() if self._again else None
            if task is None:
                given_out = sum(w.task is not None for w in self._workers)
                if len(self._done) + given_out >= self._ahead:
                    return True
                task = next(tasks, None)
                if task is None:
                    return False
            task.tries += 1
            worker.task, worker.since = task, time.perf_counter()
            with suppress(OSError):  # the process has died, which _gather will notice
                worker.pipe.send(task.users)
        return True

    def _gather(self) -> None:
        """Wait until processes have answered or died; store answers, replace dead processes."""
        busy = [worker.pipe for worker in self._workers if worker.task is not None]
        ready = wait(busy) if busy else []
        for number, worker in enumerate(self._workers):
            if worker.pipe not in ready:
                continue
            share, task, worker.task = self._shares[number], worker.task, None
            assert task is not None
            try:
                answers, error, cpu_s, peak_mb = worker.pipe.recv()
            except (EOFError, OSError):
                self._replace(number, task)
                continue
            if error is not None:
                raise WorkError(f"{_named(task)}: {error}")
            if len(answers) != len(task.users):
                raise WorkError(f"{_named(task)}: {len(answers)} answers")
            share.users += len(answers)
            share.busy_s += time.perf_counter() - worker.since
            share.cpu_s += cpu_s
            share.peak_mb = max(share.peak_mb, peak_mb)
            self._done[task.number] = answers

    def _replace(self, number: int, task: _Task[User]) -> None:
        dead = self._workers[number]
        dead.pipe.close()
        dead.process.join()
        if dead.process.exitcode == _NO_GUARD:
            raise UsageError(
                "every process runs the script that starts it, so this call would run there too: "
                'put it under  if __name__ == "__main__":'
            )
        self._shares[number].deaths += 1
        if task.tries >= TRIES:
            raise WorkError(f"{_named(task)}: its process died with {dead.process.exitcode}, twice")
        self._again.append(task)
        self._workers[number] = self._start()


_NO_GUARD = 86
"""Exit code of a process in which the script called :func:`process_users` again."""


def _check_importable(work: Work[Any, Any]) -> None:
    """Refuse work that another process cannot import, in a sentence."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(_NO_GUARD)  # the process is just being started, by a script without a guard
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"the processes cannot import {_called(work)}: define it at the top of a module "
            f"({' '.join(str(error).split())[:200]})"
        ) from None
    module = sys.modules.get(getattr(_inmost(work), "__module__", ""))
    in_main = module is not None and module.__name__ == "__main__"
    if in_main and not os.path.isfile(str(getattr(module, "__file__", ""))):
        raise UsageError(
            f"the processes cannot import {_called(work)}: it is defined in a notebook or a shell; "
            "put it into a module of its own"
        )


def _inmost(work: Any) -> Any:
    """Return the function within partial functions."""
    while isinstance(work, partial):
        work = work.func
    return work


def _called(work: Any) -> str:
    return str(getattr(_inmost(work), "__name__", type(work).__name__))


def _named(task: _Task[Any]) -> str:
    return f"{len(task.users)} users from {task.users[0]!r} on"


def _serve(work: Work[Any, Any], pipe: Connection) -> None:
    """Answer chunks from the pipe until the parent closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threadpool_limits(1)
    spent = 0.0
    while True:
        try:
            users = pipe.recv()
        except EOFError:
            return
        answers, error = None, None
        try:
            answers = list(work(users))
        except Exception as failure:  # the parent raises it
            error = repr(failure)
        before, spent = spent, time.process_time()
        try:
            pipe.send((answers, error, spent - before, peak_mb()))
        except BrokenPipeError:
            return
        except Exception as failure:  # an answer that cannot be pickled
            pipe.send((None, repr(failure), spent - before, peak_mb()))


def peak_mb() -> float:
    """Return the peak memory of this process, in MiB."""
    with suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    # Not on Linux, where ru_maxrss may be inherited from the parent process.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
