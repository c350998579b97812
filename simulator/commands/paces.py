"""Options ``--rate`` and ``--speed``: how fast the producers of each domain send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamsim.streams.errors import UsageError


def paces(
    rates: Sequence[str], speeds: Sequence[str], names: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return, for each domain with a pace, its options of ``streamsim send``.

    Parameters
    ----------
    rates, speeds
        ``N`` for all domains, or ``DOMAIN=N`` for one domain, which takes precedence. Of several
        for the same domain the last one counts.

    Raises
    ------
    UsageError
        If a value is no pace, a domain has both a rate and a speed, or a domain is not run.

    Examples
    --------
    >>> paces(["power=40"], ["max"], ["water", "power"])
    {'water': ('--speed', 'max'), 'power': ('--rate', '40.0')}
    """
    rate = {domain: parse_rate(text) for domain, text in map(_own, rates)}
    speed = dict(map(_own, speeds))
    for domain in {*rate, *speed} - {"", *names}:
        raise UsageError(f"--rate or --speed names {domain!r}, which is not run")
    said = {d: pace_options(rate.get(d), speed.get(d)) for d in ("", *names)}
    chosen = {name: said[name] or said[""] for name in names}
    return {name: options for name, options in chosen.items() if options}


def _own(text: str) -> tuple[str, str]:
    """Split ``DOMAIN=PACE``; the domain of a pace for all is ``""``."""
    domain, sign, pace = text.rpartition("=")
    if sign and not domain:
        raise UsageError(f"{text!r} names no domain")
    return domain, pace


def parse_rate(text: str) -> float:
    """Return a rate in events per second.

    >>> parse_rate("40")
    40.0
    """
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(f"--rate takes a positive number, not {text!r}")
    return rate


def pace_options(rate: float | None, speed: str | None) -> tuple[str, ...]:
    """Check a rate or speed and return it as options of ``streamsim send``.

    Raises
    ------
    UsageError
        If both are given, or the speed is not valid.
    """
    if rate is not None and speed is not None:
        raise UsageError("--rate and --speed exclude each other")
    if rate is not None:
        return ("--rate", str(rate))
    if speed is None:
        return ()
    parse_speed(speed)
    return ("--speed", speed)


def parse_speed(text: str) -> float:
    """Return a speed in event seconds per second; ``max`` is infinite.

    >>> parse_speed("max"), parse_speed("60")
    (inf, 60.0)
    """
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise UsageError(f"--speed takes a positive number or max, not {text!r}")
    return speed
