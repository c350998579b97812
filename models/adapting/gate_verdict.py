"""Verdict on a challenger: its gates, each with its figure, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: whether it was passed, by which figure, and what the figure had to reach.

    Attributes
    ----------
    value, bound
        ``None`` where there is no figure.
    text
        The figure in words.
    """

    name: str
    passed: bool
    value: float | None
    bound: float | None
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All gates, and whether all were passed."""

    better: bool
    gates: tuple[Gate, ...]

    @property
    def why(self) -> str:
        """What decided, in words."""
        failed = [gate.text for gate in self.gates if not gate.passed]
        return "; ".join(failed) if failed else self.gates[0].text if self.gates else ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        gates = [gate.as_dict() for gate in self.gates]
        return {"better": self.better, "why": self.why, "gates": gates}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Read it back."""
        return cls(bool(data["better"]), tuple(Gate(**gate) for gate in data["gates"]))


def judge(gates: Sequence[Gate]) -> Verdict:
    """Return the verdict: better only if every gate was passed, and there is one."""
    return Verdict(bool(gates) and all(gate.passed for gate in gates), tuple(gates))


def table(gates: Sequence[Gate]) -> str:
    """Return the gates as a Markdown table.

    >>> print(table([Gate("size", True, 1.1, 3.0, "110 bytes against 100")]))
    | gate | | figure |
    |---|---|---|
    | size | passed | 110 bytes against 100 |
    """
    rows = [f"| {g.name} | {'passed' if g.passed else 'not passed'} | {g.text} |" for g in gates]
    return "\n".join(["| gate | | figure |", "|---|---|---|", *rows])
