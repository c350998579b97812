"""Command lines that documents name: whether streamsim would take them."""

from __future__ import annotations

import shlex
from typing import Any

import click

from streamsim.simulator.cli import main


def refused(command: str) -> str:
    """Say why the command line does not take a command; empty if it does."""
    words = shlex.split(command)
    context = click.Context(main)
    group: Any = main
    while isinstance(group, click.Group) and (group.commands.keys() & set(words[1:2])):
        words = words[1:]
        group = group.commands[words[0]]
    try:
        group.make_context(words[0], words[1:], parent=context, resilient_parsing=False)
    except click.ClickException as error:
        return error.format_message()
    return "" if not isinstance(group, click.Group) else f"{command} names no command"
