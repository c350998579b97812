"""How tests are shared among the processes of a run: what goes together, and what comes first.

A file's tests stay together, since they may share a stack or a world. Where each has its own, or
each domain has, they are parted, so that no long file is left over at the end.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ORDER = ("faults", "upstream", "realdata", "integration", "replay", "contract", "service")
"""Folders of the long tests, which begin first; the short ones fill up what is left."""
APART = (
    "tests/faults/test_faults.py",
    "tests/faults/test_on_kafka.py",
    "tests/integration/test_benchmarks.py",
    "tests/integration/test_questions.py",
    "tests/integration/test_readme.py::test_a_slow_command",
    "tests/integration/test_supervisor.py",
    "tests/property/",
    "tests/replay/test_feeds.py",
    "tests/replay/test_parity.py",
)
"""Their tests share nothing that takes long to make."""
BY_DOMAIN = "tests/contract/"


class Sharing(LoadScopeScheduling):
    """Hands units of tests to processes, and to none a unit before it is needed."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        first = min(self.workqueue, key=rank)
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        # A process runs a test once it knows the next one: it needs two, and no third.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


def unit(nodeid: str) -> str:
    """Return what a test is run together with.

    >>> unit("tests/unit/test_units.py::test_one")
    'tests/unit/test_units.py'
    >>> unit("tests/contract/test_models.py::test_alerts[finance-8]")
    'tests/contract/test_models.py::finance'
    """
    file, _, test = nodeid.partition("::")
    if nodeid.startswith(APART):
        return nodeid
    if file.startswith(BY_DOMAIN) and "[" in test:
        return f"{file}::{test.partition('[')[2].rstrip(']').partition('-')[0]}"
    return file


def rank(nodeid: str) -> int:
    """Return the place of a test or a unit: those of the first of the folders come first.

    >>> rank("tests/faults/test_disk.py::test_one") < rank("tests/unit/test_units.py::test_one")
    True
    """
    folder = nodeid.split("/")[1] if nodeid.startswith("tests/") else ""
    return ORDER.index(folder) if folder in ORDER else len(ORDER)
