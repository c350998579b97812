"""The settings, one row each: name, default, unit, bounds and help.

A setting comes from the command line, else from the environment (``STREAMSIM_`` and its name in
capitals), else from its default, and is frozen once read. The engine's rows are here. A domain adds
the rows of the third parties in its spec.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from streamsim.streams.errors import SettingError, UsageError

PREFIX = "STREAMSIM_"
EMBEDDED = "embedded"
"""Value of ``broker`` for the stack's own broker, on a free port."""
_HOME = str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "streamsim")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Parameters
    ----------
    default
        Default value; its type is the setting's: a string, an integer or a float.
    low, high
        Inclusive bounds of a number.
    """

    name: str
    default: Any
    unit: str
    help: str
    low: float | None = None
    high: float | None = None

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return PREFIX + self.name.upper()

    def parse(self, text: str) -> Any:
        """Parse the text of the environment variable.

        Raises
        ------
        SettingError
            If the text has the wrong type or the value is out of bounds.

        Examples
        --------
        >>> Setting("wait_s", 0.5, "s", "how long to wait", 0, 600).parse("2")
        2.0
        """
        kind: Any = type(self.default)
        try:
            value = kind(text)
        except ValueError:
            name = {int: "whole number", float: "number"}[kind]
            raise SettingError(f"{self.variable}: {text!r} is not a {name}") from None
        return self.checked(value, self.variable)

    def checked(self, value: Any, name: str) -> Any:
        """Return a value if it is within the bounds; raise :class:`SettingError` if not."""
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            bounds = f"{self.low:g} and {self.high:g}"
            raise SettingError(f"{name} must be between {bounds}, not {value}")
        return value


def _row(
    default: Any, unit: str, help: str, low: float | None = None, high: float | None = None
) -> Any:
    return field(default=default, metadata={"unit": unit, "help": help, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; each field has a default, unit, help and bounds.

    Examples
    --------
    >>> read_settings({"workers": 2}, environ={}).workers
    2
    >>> read_settings(environ={"STREAMSIM_WORKERS": "many"})
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.SettingError: STREAMSIM_WORKERS: 'many' is not a whole number
    """

    home: str = _row(_HOME, "folder", "folder of runs, models and caches")
    domains: str = _row("", "folders", "folders of your own domains")
    broker: str = _row(EMBEDDED, "address", "embedded, or HOST:PORT of a Kafka broker")
    broker_disk_mb: int = _row(
        2048,
        "MiB",
        "most disk space of the embedded broker; beyond it the oldest records are deleted",
        64,
        1 << 30,
    )
    model_url: str = _row("", "URL", "model service of the workers; by default the stack's own")
    model_host: str = _row("127.0.0.1", "address", "address that the model service listens on")
    model_port: int = _row(8500, "port", "port of the model service; 0 for a free one", 0, 65_535)
    token: str = _row("", "secret", "token to load and unload models, and to change a stand-in")
    database_url: str = _row(
        "", "URL", "database of a simulated world's tables; by default SQLite in the run's folder"
    )
    privacy_key: str = _row(
        "", "secret", "key of pseudonyms, in hexadecimal; by default a random one per home"
    )
    silences: str = _row(
        "", "file", "TOML file of silenced incidents; by default silences.toml in the home"
    )
    seed: int = _row(0, "", "seed of the simulated worlds", 0, 2**63 - 1)
    workers: int = _row(1, "processes", "Faust workers per stack", 1, 64)
    batch_rows: int = _row(4096, "events", "most events in one micro-batch", 1, 65536)
    linger_ms: int = _row(
        10,
        "ms",
        "least time between two small batches; a worker takes longer if they are costly",
        0,
        1000,
    )
    send_linger_ms: int = _row(5, "ms", "linger.ms of a producer", 0, 1000)
    queue_rows: int = _row(
        20_000, "events", "most events of a partition queued in a worker", 100, 10**7
    )
    queue_s: float = _row(
        2.0, "s", "most work queued in a worker; more pauses fetching", 0.01, 3600
    )
    max_rows: int = _row(16_384, "rows", "most rows in one call to the model service", 1, 10**6)
    max_body: int = _row(
        16 << 20, "bytes", "largest body the model service reads", 1 << 10, 1 << 30
    )
    max_record: int = _row(8 << 20, "bytes", "largest record read or written", 1 << 10, 1 << 30)
    score_timeout_s: float = _row(10.0, "s", "time-out of a call to the model service", 0.1, 600)
    changelog_ms: int = _row(
        250,
        "ms",
        "interval of incremental checkpoints; a crash repeats about as much work",
        5,
        60_000,
    )
    metrics_s: float = _row(1.0, "s", "interval at which a worker publishes its account", 0.1, 60)
    adapts: int = _row(
        1, "0 or 1", "0: no model is learnt anew or tried in a run unless people ask for it", 0, 1
    )
    ready_s: float = _row(60.0, "s", "time-out for a process to be ready", 1, 3600)
    drain_s: float = _row(
        120.0, "s", "time-out without progress, after the end of the sources", 1, 86_400
    )
    stop_s: float = _row(8.0, "s", "grace period between SIGTERM and SIGKILL", 0.1, 600)
    others: Mapping[str, Any] = field(default_factory=dict)
    """Values of the domains' settings in the environment, by name."""

    @property
    def home_path(self) -> Path:
        """The home folder, expanded and absolute."""
        return Path(self.home).expanduser().absolute()

    @property
    def silences_path(self) -> Path:
        """The file of the silences, absolute."""
        own = Path(self.silences).expanduser().absolute()
        return own if self.silences else self.home_path / "silences.toml"

    def of(self, row: Setting) -> Any:
        """Return the value of a domain's setting."""
        return self.others.get(row.name, row.default)

    def environment(self) -> dict[str, str]:
        """Return the values as environment variables, for a child process in any folder."""
        values = {name: getattr(self, name) for name in _ENGINE} | dict(self.others)
        folders = [Path(own).expanduser() for own in self.domains.split(os.pathsep) if own]
        values["home"] = self.home_path
        if self.silences:
            values["silences"] = self.silences_path
        values["domains"] = os.pathsep.join(str(folder.absolute()) for folder in folders)
        values["database_url"] = _absolute_url(self.database_url)
        return {PREFIX + name.upper(): str(value) for name, value in values.items()}


_SQLITE = "sqlite:///"


def _absolute_url(url: str) -> str:
    """Return the address of an SQLite file with its whole path, any other address as it is.

    >>> _absolute_url("sqlite:////data/people.db"), _absolute_url("postgresql://host/crm")
    ('sqlite:////data/people.db', 'postgresql://host/crm')
    """
    place = url.removeprefix(_SQLITE)
    if place == url or not place or place.startswith((":", "file:")):
        return url
    return _SQLITE + str(Path(place).absolute())


_ENGINE: Mapping[str, Setting] = {
    row.name: Setting(row.name, row.default, **row.metadata)
    for row in fields(Settings)
    if row.metadata
}


def domain_rows() -> dict[str, Setting]:
    """Return the settings of the domains, by name.

    Raises
    ------
    UsageError
        If a name is that of an engine's setting, or of a different setting of another domain.
    """
    from streamsim.streams.domain_registry import domain_names, load_domain

    found: dict[str, Setting] = {}
    for name in domain_names():
        for party in load_domain(name).inputs.third_parties:
            for row in party.settings:
                if row.name in _ENGINE or found.get(row.name, row) != row:
                    raise UsageError(
                        f"{name}: {row.variable}, of {party.name}, is another setting already"
                    )
                found[row.name] = row
    return found


def read_settings(
    given: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings.

    Domains are loaded only if a variable is not one of the engine's.

    Parameters
    ----------
    given
        Values of the engine's settings, which take precedence over the environment; ``None`` means
        not given.
    environ
        The environment, by default that of the process.

    Raises
    ------
    SettingError
        If a value has the wrong type or is out of bounds, or the environment names a setting that
        does not exist.
    """
    environ = os.environ if environ is None else environ
    texts = {v.removeprefix(PREFIX): text for v, text in environ.items() if v.startswith(PREFIX)}
    foreign = texts.keys() - {name.upper() for name in _ENGINE}
    brought = {row.name.upper(): row for row in domain_rows().values()} if foreign else {}
    if unknown := sorted(PREFIX + name for name in foreign - brought.keys()):
        raise SettingError(f"no such setting: {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for name, row in _ENGINE.items():
        chosen = (given or {}).get(name)
        if chosen is not None:
            kind: Any = type(row.default)
            values[name] = row.checked(kind(chosen), name)
        elif (text := texts.get(name.upper())) is not None:
            values[name] = row.parse(text)
    others = {brought[name].name: brought[name].parse(texts[name]) for name in sorted(foreign)}
    return Settings(**values, others=others)


def check_address(broker: str) -> str:
    """Return a broker setting if it is valid; raise :class:`UsageError` if not."""
    host, _, port = broker.rpartition(":")
    if broker != EMBEDDED and not (host and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(f"--broker takes 'embedded' or HOST:PORT, not {broker!r}")
    return broker


def as_markdown() -> str:
    """Return the page ``docs/settings.md``, a table of all settings."""
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
    for row in (*_ENGINE.values(), *domain_rows().values()):
        default = "~/.local/state/streamsim" if row.name == "home" else row.default
        shown = f"`{default}`" if default != "" else ""
        limits = "" if row.low is None else f" ({row.low:,} to {row.high:,})"
        lines.append(f"| `{row.variable}` | {shown} | {row.unit} | {row.help}{limits} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
