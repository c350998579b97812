"""``docs/model-service.md``: its commands run in order, and its tables are complete."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamsim.models.loaded import KEPT, WARM_ROWS
from streamsim.models.serve import parser
from streamsim.models.serving.openapi import described
from streamsim.models.serving.repository_routes import LOAD
from tests.conftest import ROOT
from tests.service.conftest import TOKEN, Service

PAGE = (ROOT / "docs" / "model-service.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]


def test_the_commands_of_the_page_run(service: Service, tmp_path: Path) -> None:
    serve, *asked = COMMANDS
    arguments = serve.partition("streamsim.models.serve ")[2].split()
    assert parser().parse_args(arguments).model == [service.signature.model]
    assert all(command.startswith("curl -sf localhost:8500/") for command in asked)
    assert len(asked) > 8
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    for command in asked:
        own = command.replace("8500", str(service.port)).replace("Bearer secret", f"Bearer {TOKEN}")
        done = subprocess.run(
            ["bash", "-ec", own], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout or " -o " in command
    assert service.call("GET", f"/v2/models/{service.signature.model}/ready")[0] == 200


def test_the_routes_of_the_page_are_there() -> None:
    known = {re.sub(r"\{(\w+)\}", lambda m: m[1].upper(), path) for path in described()["paths"]}
    named = set(re.findall(r"`(?:GET|POST) (/[^` ]+)`", PAGE))
    assert len(named) > 10
    assert named <= known


def test_each_metric_is_told_with_its_labels(service: Service) -> None:
    told = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(
            r"^\| `(streamsim_\w+)`[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE
        )
    }
    service.call("GET", f"/v2/models/{service.signature.model}")
    service.call("POST", "/predict", service.call("GET", "/predict")[1])
    service.call("GET", "/nowhere")
    text = service.call("GET", "/metrics")[1].decode()
    seen = {
        re.sub(r"_(bucket|count|sum)$", "", sample.name): set(sample.labels) - {"le"}
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert told == seen


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"The {KEPT} most recently" in PAGE
    assert f"{WARM_ROWS[1]:,} times" in PAGE
    parameters = re.findall(r"^\| `(\w+)` \| .* \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert parameters == list(LOAD)
