"""Golden replays: the outcome as readable text, compared line by line."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path

from streamsim.simulator.testing.outcome import Outcome, UnmetError
from streamsim.simulator.testing.times import spell

SAMPLE = 25
"""One of this many scores is in the text; all alerts are."""
SHOWN = 60


def golden_text(outcome: Outcome) -> str:
    """Format an outcome: its account, its alerts, and a sample of its scores.

    Scores have three decimals, so that the text is the same on any machine.
    """
    classes = {k: v for k, v in outcome.account.items() if isinstance(v, int)}
    labels, context = outcome.account["labels"], outcome.account["context"]
    lines = [
        f"account  {', '.join(f'{v} {k}' for k, v in classes.items())}",
        f"labels   {', '.join(f'{v} {k}' for k, v in labels.items())}",
        *([f"context  {', '.join(f'{v} {k}' for k, v in context.items())}"] * (context["in"] > 0)),
        "",
        *(
            f"alert    {spell(a.time_ms)}  {a.severity:8}  {a.entity}  {a.body['seen']}  "
            f"{a.score:.3f}  {', '.join(r['what'] for r in a.body['why'])}"
            for a in outcome.alerts
        ),
        "",
        *(
            f"score    {spell(s.time_ms)}  {s.entity}  {s.event_id}  {s.score:.3f}"
            for s in outcome.scores[::SAMPLE]
        ),
    ]
    return "\n".join(lines) + "\n"


def golden_path(file: Path, node: str) -> Path:
    """Return where a test's text is: in ``golden/`` beside its file, under a name of its own.

    Parameters
    ----------
    node
        pytest's name of the test, with its file and its classes.

    Examples
    --------
    >>> golden_path(Path("t/test_a.py"), "t/test_a.py::TestOne::test_b[x]").as_posix()
    't/golden/test_a.TestOne.test_b[x].txt'
    >>> golden_path(Path("test_a.py"), "test_a.py::test_b[EUR/USD]").name
    'test_a.test_b[EUR-USD]~2909186d.txt'
    """
    own = f"{file.stem}.{node.partition('::')[2].replace('::', '.')}"
    name = _UNSAFE.sub("-", own)[:_LONGEST]
    if name != own:  # two such names may have become one
        name += f"~{hashlib.sha256(own.encode()).hexdigest()[:8]}"
    return file.parent / "golden" / f"{name}.txt"


_UNSAFE = re.compile(r"[^\w.,=\[\]+-]")
_LONGEST = 120


def check_golden(path: Path, outcome: Outcome, *, update: bool) -> None:
    """Compare an outcome with the text in a file, or write it there.

    Raises
    ------
    UnmetError
        If they differ. The message shows the difference and the option that accepts it.
    """
    text = golden_text(outcome)
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    if not path.exists():
        raise UnmetError(f"there is no golden/{path.name} yet; write it: pytest --update-golden")
    known = path.read_text()
    if text == known:
        return
    difference = list(
        difflib.unified_diff(
            known.splitlines(), text.splitlines(), "as it was", "as it is", lineterm="", n=1
        )
    )
    more = f"\n... and {len(difference) - SHOWN} lines more" if len(difference) > SHOWN else ""
    raise UnmetError(
        f"{path.name} has changed; accept it with: pytest --update-golden\n"
        + "\n".join(difference[:SHOWN])
        + more
    )
