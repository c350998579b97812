"""Every setting: one row each with its name, default, unit and help.

A setting comes from the command line, else from the environment (``STREAMSIM_`` and its name
in capitals), else from its default, and is frozen once read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from streamsim.streams.errors import SettingError, UsageError

PREFIX = "STREAMSIM_"
EMBEDDED = "embedded"
"""In the place of a broker's address: the stack's own, which chooses a port."""
_HOME = str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "streamsim")


def _row(
    default: Any, unit: str, help: str, low: float | None = None, high: float | None = None
) -> Any:
    return field(default=default, metadata={"unit": unit, "help": help, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; a field is a row: default, unit, help, bounds.

    Examples
    --------
    >>> read_settings({"workers": 2}, environ={}).workers
    2
    >>> read_settings(environ={"STREAMSIM_WORKERS": "many"})
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.SettingError: STREAMSIM_WORKERS: 'many' is not a whole number
    """

    home: str = _row(_HOME, "folder", "runs, models and caches are kept here")
    domains: str = _row("", "folders", "where domains of your own are looked for")
    broker: str = _row(EMBEDDED, "address", "embedded, or HOST:PORT of a Kafka broker")
    model_url: str = _row("", "URL", "model service that workers score through")
    model_host: str = _row("127.0.0.1", "address", "where the model service listens")
    model_port: int = _row(8500, "port", "its port; 0 takes a free one", 0, 65_535)
    token: str = _row(
        "", "secret", "what loading and unloading of models asks for, and changing a stand-in"
    )
    database_url: str = _row(
        "", "URL", "customer database of simulated customers; by default SQLite in the run's folder"
    )
    loyalty_url: str = _row("", "URL", "loyalty programme that is asked; by default a stand-in")
    loyalty_wait_s: float = _row(
        0.5, "s", "how long a producer waits for its answers before it goes on without", 0.0, 600
    )
    loyalty_key: str = _row("", "secret", "API key of the third party's loyalty programme")
    privacy_key: str = _row(
        "", "secret", "key of pseudonyms, in hexadecimal; by default a random one per home"
    )
    seed: int = _row(0, "", "seed of the worlds", 0, 2**63 - 1)
    workers: int = _row(1, "processes", "Faust workers per stack", 1, 64)
    batch_rows: int = _row(4096, "events", "most events in one micro-batch", 1, 65536)
    linger_ms: int = _row(10, "ms", "least time between two small batches", 0, 1000)
    send_linger_ms: int = _row(30, "ms", "how long a producer gathers a batch", 0, 1000)
    queue_rows: int = _row(
        20_000, "events", "most that a partition may hold in a worker", 100, 10**7
    )
    queue_s: float = _row(2.0, "s", "how much work may wait in a worker", 0.01, 3600)
    max_rows: int = _row(16_384, "rows", "most rows in one call to the model service", 1, 10**6)
    max_body: int = _row(
        16 << 20, "bytes", "largest body the model service reads", 1 << 10, 1 << 30
    )
    max_record: int = _row(8 << 20, "bytes", "largest record read or written", 1 << 10, 1 << 30)
    score_timeout_s: float = _row(10.0, "s", "how long a call to the model may take", 0.1, 600)
    changelog_ms: int = _row(
        100,
        "ms",
        "how often a worker writes down its state: a crash repeats about as much",
        5,
        60_000,
    )
    metrics_s: float = _row(1.0, "s", "how often a worker publishes its account", 0.1, 60)
    ready_s: float = _row(60.0, "s", "how long a part may take to be ready", 1, 3600)
    drain_s: float = _row(120.0, "s", "how long to wait for what was sent to be done", 1, 86_400)
    stop_s: float = _row(8.0, "s", "grace between a request to stop and a kill", 0.1, 600)
    memory_mb: int = _row(4096, "MiB", "warn when the embedded broker holds more", 64, 10**6)

    @property
    def home_path(self) -> Path:
        """The home folder, expanded."""
        return Path(self.home).expanduser()

    def environment(self) -> dict[str, str]:
        """Return the values as environment variables, for a child process."""
        return {variable(row): str(getattr(self, row.name)) for row in fields(self)}


def variable(row: Field[Any]) -> str:
    """Return the environment variable that sets a row."""
    return PREFIX + row.name.upper()


def read_settings(
    given: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings.

    Parameters
    ----------
    given
        Values that take precedence over the environment; ``None`` means not given.
    environ
        The environment, by default that of the process.

    Raises
    ------
    SettingError
        If a value does not fit, or the environment names a setting that does not exist.
    """
    environ = os.environ if environ is None else environ
    rows = fields(Settings)
    known = {variable(row) for row in rows}
    unknown = sorted(v for v in environ if v.startswith(PREFIX) and v not in known)
    if unknown:
        raise SettingError(f"no such setting: {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for row in rows:
        chosen = (given or {}).get(row.name)
        if chosen is not None:
            kind: Any = type(row.default)
            values[row.name] = _check(row, row.name, kind(chosen))
        elif (text := environ.get(variable(row))) is not None:
            values[row.name] = _check(row, variable(row), _parse(row, text))
    return Settings(**values)


def _parse(row: Field[Any], text: str) -> Any:
    kind: Any = type(row.default)
    try:
        return kind(text)
    except ValueError:
        name = {int: "whole number", float: "number"}[kind]
        raise SettingError(f"{variable(row)}: {text!r} is not a {name}") from None


def _check(row: Field[Any], name: str, value: Any) -> Any:
    low, high = row.metadata["low"], row.metadata["high"]
    if low is not None and not low <= value <= high:
        raise SettingError(f"{name} must be between {low:g} and {high:g}, not {value}")
    return value


def check_address(broker: str) -> str:
    """Return a broker setting if it is one; raise :class:`UsageError` if not."""
    host, _, port = broker.rpartition(":")
    if broker != EMBEDDED and not (host and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(f"--broker takes 'embedded' or HOST:PORT, not {broker!r}")
    return broker


def as_markdown() -> str:
    """Write the table of all settings, as ``docs/settings.md`` has it."""
    lines = [
        "# Settings",
        "",
        "A setting comes from the command line where a command has an option for it, else from its",
        "environment variable, else from its default. A variable that begins with `STREAMSIM_` and",
        "names no setting is an error. `python -m streamsim.streams.settings` writes this page.",
        "",
        "| variable | default | unit | what it is |",
        "|---|---|---|---|",
    ]
    for row in fields(Settings):
        default = "~/.local/state/streamsim" if row.name == "home" else row.default
        shown = f"`{default}`" if default != "" else ""
        bounds = row.metadata["low"], row.metadata["high"]
        limits = "" if bounds[0] is None else f" ({bounds[0]:,} to {bounds[1]:,})"
        what = row.metadata["help"] + limits
        lines.append(f"| `{variable(row)}` | {shown} | {row.metadata['unit']} | {what} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
