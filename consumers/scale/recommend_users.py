"""Recommendations to many users over processes, measured: ``python -m streamsim.consumers.scale``.

The weights are in files that the processes memory-map. A task is a list of user numbers; the
processes look up the histories themselves. Rounds with one process and with several alternate, so
that other load on the machine affects both.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson

from streamsim.consumers.scale.processes import Shares, peak_mb, process_users
from streamsim.consumers.scale.shared_arrays import share, shared
from streamsim.streams.domains.technology.co_views import fit
from streamsim.streams.domains.technology.histories import as_rows
from streamsim.streams.domains.technology.recommending import ItemWeights
from streamsim.streams.domains.technology.viewings import BATCH, read_movielens, simulated_histories
from streamsim.streams.errors import ExpectationError, StreamsimError, UsageError
from streamsim.streams.events import Ints

FITTED = 5_000
"""Number of simulated users that the weights are fitted to."""
MOST_ITEMS = 20_000
"""Most titles: the weights of more take gigabytes."""

Answer: TypeAlias = tuple[list[int], list[float]]
"""Titles and scores, the best first."""


@dataclass(frozen=True)
class Job:
    """The size and data of a run.

    Attributes
    ----------
    users
        How many users get recommendations.
    items, k
        Titles of the simulated catalogue, and recommendations for each user.
    movielens
        A file whose users are repeated, in place of simulated users.
    """

    users: int = 100_000
    items: int = 2_000
    k: int = 10
    seed: int = 0
    movielens: Path | None = None

    def __post_init__(self) -> None:
        if self.users < 1 or self.k < 1 or not 1 <= self.items <= MOST_ITEMS:
            raise UsageError(f"at least one user, 1 up to {MOST_ITEMS:,} titles, and k at least 1")

    def prepare(self, folder: Path) -> Recommend:
        """Fit the weights, share them, and return the work."""
        if self.movielens is None:
            model = fit(
                as_rows(list(simulated_histories(0, FITTED, self.items, self.seed)), self.items)
            )
            past = {}
        else:
            seen = read_movielens(self.movielens)
            model, histories = fit(seen.matrix()), seen.histories()
            lengths = [len(history) for history in histories]
            past = {"titles": np.concatenate(histories), "ends": np.cumsum(lengths)}
        share({**model.arrays(), **past}, folder)
        return Recommend(folder, self)


@dataclass(slots=True)
class Recommend:
    """The work on a chunk of users; a process opens the shared arrays with its first chunk.

    Attributes
    ----------
    folder
        Folder of the weights, and of the histories if they come from a file.
    """

    folder: Path
    job: Job
    model: ItemWeights | None = field(default=None, init=False)
    histories: Sequence[Ints] = field(default=(), init=False)

    def __call__(self, users: Sequence[int]) -> list[Answer]:
        """Return an answer for each user; their numbers are consecutive."""
        if self.model is None:
            self._open()
        assert self.model is not None
        items, scores = self.model.recommend(self._histories(users), self.job.k)
        return list(zip(items.tolist(), scores.tolist(), strict=True))

    def _open(self) -> None:
        arrays = shared(self.folder)
        if self.job.movielens is not None:
            self.histories = np.split(arrays.pop("titles"), arrays.pop("ends")[:-1])
        self.model = ItemWeights(**arrays)

    def _histories(self, users: Sequence[int]) -> list[Ints]:
        if self.histories:
            return [self.histories[user % len(self.histories)] for user in users]
        return list(simulated_histories(users[0], len(users), self.job.items, self.job.seed))


@dataclass(frozen=True, slots=True)
class Timed:
    """One run over all users.

    Attributes
    ----------
    cpu_s
        Processor time of each process.
    own_cpu_s
        Processor time of the parent process.
    digest
        SHA-256 of all answers, in order, if they are to be compared.
    """

    processes: int
    users: int
    seconds: float
    cpu_s: list[float]
    own_cpu_s: float
    digest: str | None

    @property
    def per_second(self) -> float:
        """Users per second."""
        return self.users / self.seconds


@dataclass(slots=True)
class Killer:
    """Kills one of the processes when half of the answers have arrived."""

    users: int
    killed: int | None = None

    def watch(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Yield the answers unchanged."""
        for number, answer in enumerate(answers):
            if number == self.users // 2:
                victim = multiprocessing.active_children()[0]
                self.killed = victim.pid
                victim.kill()
            yield answer


def measure(
    job: Job,
    processes: int = 2,
    *,
    rounds: int = 1,
    check: bool = False,
    kill: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Answer all users by one process and by several in turn; report and return the results.

    Raises
    ------
    ExpectationError
        If an answer is missing or, with ``check``, differs from the serial one.
    """
    with tempfile.TemporaryDirectory(prefix="streamsim-weights-") as name:
        work = job.prepare(Path(name))
        size = sum(path.stat().st_size for path in Path(name).iterdir()) / 2**20
        say(f"{job.users:,} users, {job.k} titles for each; {size:.0f} MiB are shared")
        serial = _serially(work) if check else None
        if serial is not None:
            say(f"serially: {serial.per_second:,.0f} users/s")
        alone, together = [], []
        for number in range(rounds):
            killer = Killer(job.users) if kill and number == 0 else None
            alone.append(_run(work, 1, Shares(), check))
            shares = Shares()
            together.append(_run(work, processes, shares, check, killer))
            say(
                f"round {number + 1}: 1 process {alone[-1].per_second:,.0f} users/s, "
                f"{processes} processes {together[-1].per_second:,.0f} users/s"
                + (f"; process {killer.killed} was killed" if killer else "")
            )
            say(shares.as_text())
    return _summed_up(job, alone, together, serial, say)


def _run(
    work: Recommend, processes: int, shares: Shares, check: bool, killer: Killer | None = None
) -> Timed:
    began, own = time.perf_counter(), time.process_time()
    answers: Iterator[Answer] = process_users(
        range(work.job.users), work, processes=processes, chunk=BATCH, shares=shares
    )
    digest = _taken(killer.watch(answers) if killer else answers, work.job, check)
    seconds, own = time.perf_counter() - began, time.process_time() - own
    cpu = [share.cpu_s for share in shares.processes]
    return Timed(processes, work.job.users, seconds, cpu, own, digest)


def _serially(work: Recommend) -> Timed:
    users = range(work.job.users)
    chunks = (users[start : start + BATCH] for start in range(0, len(users), BATCH))
    began, own = time.perf_counter(), time.process_time()
    digest = _taken((answer for chunk in chunks for answer in work(chunk)), work.job, True)
    seconds, own = time.perf_counter() - began, time.process_time() - own
    return Timed(0, len(users), seconds, [], own, digest)


def _taken(answers: Iterable[Answer], job: Job, check: bool) -> str | None:
    """Consume and count all answers; return their digest if ``check``."""
    digest, count = hashlib.sha256(), 0
    for answer in answers:
        if check:
            digest.update(orjson.dumps(answer))
        count += 1
    if count != job.users:
        raise ExpectationError(f"{count:,} answers for {job.users:,} users")
    return digest.hexdigest() if check else None


def _summed_up(
    job: Job,
    alone: Sequence[Timed],
    together: Sequence[Timed],
    serial: Timed | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    if serial is not None:
        if {timed.digest for timed in (*alone, *together)} != {serial.digest}:
            raise ExpectationError("the answers are not the serial ones")
        say(f"all answers are the serial ones, in order: {serial.digest}")
    pairs = list(zip(alone, together, strict=True))
    speed_up = statistics.median(b.per_second / a.per_second for a, b in pairs)
    by_cpu = statistics.median(sum(a.cpu_s) / max(b.cpu_s) for a, b in pairs)
    rates = [statistics.median(t.per_second for t in timed) for timed in (alone, together)]
    processes = together[0].processes
    say(
        f"\n1 process {rates[0]:,.0f} users/s, {processes} processes {rates[1]:,.0f} users/s: "
        f"{speed_up:.2f} times as fast (medians of {len(pairs)})"
    )
    say(f"by processor time {by_cpu:.2f} times: that of one against the busiest of {processes}")
    say(f"the parent process held {peak_mb():.0f} MiB at most")
    return {
        "users": job.users,
        "users_per_second": {"1": rates[0], str(processes): rates[1]},
        "speed_up": speed_up,
        "speed_up_by_cpu": by_cpu,
        "answers": serial and serial.digest,
        "runs": [asdict(timed) for timed in (*alone, *together)],
    }


def parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.consumers.scale",
        description="Recommend to many users over processes.",
    )
    parser.add_argument("--users", type=int, default=Job.users, metavar="N")
    parser.add_argument("--processes", type=int, default=2, metavar="P")
    parser.add_argument("--items", type=int, default=Job.items, metavar="M", help="titles")
    parser.add_argument("--k", type=int, default=Job.k, help="recommendations for each user")
    parser.add_argument("--seed", type=int, default=Job.seed, metavar="S")
    parser.add_argument("--movielens", type=Path, metavar="FILE", help="users of this file")
    parser.add_argument("--rounds", type=int, default=1, metavar="R", help="one and P in turn")
    parser.add_argument("--check", action="store_true", help="compare with the serial answers")
    parser.add_argument("--kill", action="store_true", help="kill a process in mid-run")
    return parser


def main() -> None:
    """Run the command line."""
    options = parser().parse_args()
    try:
        if options.rounds < 1:
            raise UsageError("at least one round")
        job = Job(options.users, options.items, options.k, options.seed, options.movielens)
        measure(
            job,
            options.processes,
            rounds=options.rounds,
            check=options.check,
            kill=options.kill,
        )
    except StreamsimError as error:
        print(f"streamsim.consumers.scale: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
