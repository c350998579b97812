"""The command that starts the loyalty programme's stand-in, and the page that shows it."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from streamsim.producers.http_client.background import BackgroundClient
from streamsim.simulator.brokers.broker import free_port
from streamsim.streams.domains.retail.programme import PARTY
from tests.conftest import ROOT
from tests.service.programme import KEY, SOON_S, TOKEN, by_household, ordered


class Command:
    """The stand-in as its command starts it, on a free port."""

    def __init__(self, *arguments: str, key: str = KEY) -> None:
        environ = {**os.environ, "STREAMSIM_TOKEN": TOKEN, "STREAMSIM_LOYALTY_KEY": key}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamsim.simulator.standins",
                "retail/loyalty",
                "--port",
                "0",
                *arguments,
            ],
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()

    def url(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r" on (http://127\.0\.0\.1:\d+), members: \d+$", line)
        assert found, (line, self.process.communicate(timeout=SOON_S))
        return found[1]


def test_the_command_serves_real_members_until_it_is_told_to_stop(tills: Path) -> None:
    file = tills / "loyalty.json"
    known = json.loads(file.read_text())["members"]
    with Command("--facts", str(file)) as command:
        with BackgroundClient(PARTY, command.url(), KEY, 0) as looking:
            households = sorted(known)[::25]
            for household in households:
                looking.ask(household, 0)
            assert looking.wait(SOON_S)
            found = by_household(looking.answers())
        for household in households:
            member = found[household]
            assert member is not None
            assert ordered(member["redemptions"]) == ordered(known[household]["redemptions"])
            assert {c["campaign"] for c in member["campaigns"]} == set(
                known[household]["campaigns"]
            )
            assert all(c["from"] < (c["until"] or "") for c in member["campaigns"])
        command.process.send_signal(signal.SIGTERM)
        out, err = command.process.communicate(timeout=SOON_S)
    assert (command.process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert KEY not in err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read: No such file"),
        ("", "is not JSON"),
        ("household;campaign", "is not JSON"),
        ("7", "holds no members: send an array"),
        ("{}", "holds no members: an object with 'members'"),
        ('{"members": {"7": {"campaigns": ["1"]}}, "campaigns": []}', "a campaign without dates"),
        ('{"members": {"7": []}, "campaigns": []}', "household 7: not an object"),
        ('{"members": {}, "campaigns": [{"campaign_id": "1"}]}', "campaign 0 needs campaign_id"),
        ('[{"household_id": "7", "campaigns": [{"campaign": "1"}]}]', "'from' is no date"),
    ],
)
def test_a_file_that_holds_no_members_ends_it(
    tmp_path: Path, text: str | None, complaint: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from streamsim.simulator.standins.__main__ import main

    monkeypatch.setenv("STREAMSIM_LOYALTY_KEY", KEY)
    file = tmp_path / "members.json"
    if text is not None:
        file.write_text(text)
    assert main(["retail", "--port", "0", "--facts", str(file)]) == 2
    assert complaint in capsys.readouterr().err


def test_it_does_not_start_without_a_key() -> None:
    with Command(key="") as command:
        _, err = command.process.communicate(timeout=SOON_S)
        assert command.process.returncode == 2
        assert err.count("\n") == 1
        assert "STREAMSIM_LOYALTY_KEY" in err


def test_the_page_shows_what_its_commands_print(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("curl or bash is not there")
    page = (ROOT / "docs" / "loyalty.md").read_text().replace("8600", str(free_port()))
    shown = "\n".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", shown, re.MULTILINE)
    assert len(steps) > 9
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    options: Any = {
        "env": {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        "cwd": tmp_path,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    with ExitStack() as started:
        for command, expected in steps:
            if (
                "streamsim.simulator.standins" in command
            ):  # goes on: its first line is what it prints
                process = subprocess.Popen(["bash", "-c", f"exec env {command}"], **options)
                started.enter_context(process)
                started.callback(process.kill)
                assert process.stdout is not None
                printed = process.stdout.readline()
            else:
                done = subprocess.run(
                    ["bash", "-c", command], timeout=SOON_S, check=True, **options
                )
                printed = done.stdout
            assert printed.split() == expected.split(), command
        examples = doctest.DocTestParser().get_doctest(page, {}, "docs/loyalty.md", None, 0)
        assert len(examples.examples) > 4
        assert doctest.DocTestRunner().run(examples).failed == 0
