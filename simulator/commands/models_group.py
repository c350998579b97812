"""``streamsim models``: the group of its subcommands, with heavy imports inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

REFERENCE = "model-reference.json"


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, compare, check and promote models; without a subcommand, list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list")
def list_models() -> None:
    """List the released versions of all models."""
    from streamsim.simulator.commands.released_models import run_list

    run_list()


@models.command("show")
@click.argument("model", required=False)
@click.argument("version", required=False)
def show_model(**options: Any) -> None:
    """Print the card of a version, by default of the champion."""
    from streamsim.simulator.commands.released_models import run_show

    run_show(**options)


@models.command("promote")
@click.argument("model", required=False)
@click.argument("version", required=False)
def promote_model(**options: Any) -> None:
    """Make a version the champion, once it has been tried in a process of its own."""
    from streamsim.simulator.commands.released_models import run_promote

    run_promote(**options)


@models.command("diff")
@click.argument("model")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
def diff_models(**options: Any) -> None:
    """Print two versions side by side: metrics, data, threshold, features, algorithm."""
    from streamsim.simulator.commands.released_models import run_diff

    run_diff(**options)


@models.command("check")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, dir_okay=False),
    default=REFERENCE,
    show_default=True,
    metavar="FILE",
    help="figures to compare with",
)
@click.option("--update", is_flag=True, help="make the figures of now the reference")
def check_models(**options: Any) -> None:
    """Train recipes on small fixed worlds; fail if one is worse than its reference.

    Without a DOMAIN, your own domains are checked, or all if you have none.
    """
    from streamsim.simulator.commands.check_models import run_check

    run_check(**options)
