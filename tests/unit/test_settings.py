"""Settings: one table, for the documentation page and for every process."""

from __future__ import annotations

import pytest

from streamsim.streams.errors import SettingError
from streamsim.streams.settings import Settings, as_markdown, read_settings
from tests.conftest import ROOT


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page == as_markdown(), (
        "write it anew: python -m streamsim.streams.settings > docs/settings.md"
    )


def test_the_command_line_comes_before_the_environment() -> None:
    environ = {"STREAMSIM_SEED": "5", "STREAMSIM_WORKERS": "3"}
    settings = read_settings({"seed": 7, "workers": None}, environ)
    assert (settings.seed, settings.workers) == (7, 3)


def test_a_child_reads_what_its_parent_had() -> None:
    settings = read_settings({"seed": 7, "linger_ms": 9}, {})
    assert read_settings(environ=settings.environment()) == settings


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"STREAMSIM_SEEED": "1"}, "no such setting: STREAMSIM_SEEED"),
        ({"STREAMSIM_SEED": "-1"}, "must be between 0 and"),
        ({"STREAMSIM_DRAIN_S": "soon"}, "'soon' is not a number"),
        ({"STREAMSIM_DRAIN_S": "nan"}, "must be between 1 and"),
        ({"STREAMSIM_MAX_ROWS": "1.5"}, "'1.5' is not a whole number"),
    ],
)
def test_what_does_not_fit_is_refused(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        read_settings(environ=environ)


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().seed = 3  # type: ignore[misc]
