"""The version is written down once: the package has it, and the command line says it."""

from __future__ import annotations

from importlib.metadata import version

from click.testing import CliRunner

from streamsim.simulator.cli import main
from streamsim.streams.version import __version__


def test_the_installed_package_and_the_command_line_have_the_version() -> None:
    assert version("streamsim") == __version__
    said = CliRunner().invoke(main, ["--version"])
    assert said.exit_code == 0
    assert said.output == f"streamsim, version {__version__}\n"
