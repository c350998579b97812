"""The container files: every command parses, every option is the project's own, the stack runs.

No container engine is needed. The tests compare the files with the code, and run their commands as
processes on this machine, with only addresses and ports replaced.
"""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import streamsim.consumers.worker.app
import streamsim.models.serve
from streamsim.consumers.worker.transport import SESSION_S
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import TOPIC_CONFIG, free_port
from streamsim.simulator.cli import main
from streamsim.simulator.processes.children import Children
from streamsim.simulator.reading import Tail, read_whole
from streamsim.simulator.run.life.life_requests import TOKEN
from streamsim.simulator.run.runs import Run, group_of
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import MODEL_VERSION, first_headers
from streamsim.streams.settings import PREFIX, check_address, read_settings
from streamsim.streams.topics import OPS_MODELS, SCORES, ops_topics, topic, topics_of
from tests import stacks

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "kafka"]
KAFKA = SERVICES["kafka"]["environment"]
PROGRAMS = {
    "python -m streamsim.consumers.worker": streamsim.consumers.worker.app.parser,
    "python -m streamsim.models.serve": streamsim.models.serve.parser,
}
LOOPBACK = "127.0.0.1"
PATIENCE_S = 30.0


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with what follows each."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = filter(None, text.replace("\\\n", " ").splitlines())
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def after(*words: str) -> list[str]:
    return [rest for word, rest in instructions() if word in words]


def dockerfile_commands() -> list[list[str]]:
    """Return the commands that are the project's own."""
    found = [shlex.split(part) for rest in after("RUN") for part in rest.split("&&")]
    found += [json.loads(rest) for rest in after("CMD", "ENTRYPOINT")]
    return [c for c in found if c[0] == "streamsim" or " ".join(c[:3]) in PROGRAMS]


def argv(name: str) -> list[str]:
    return shlex.split(SERVICES[name]["command"])


def environment(name: str) -> dict[str, str]:
    return dict(SERVICES[name].get("environment", {}))


def parse(command: Sequence[str]) -> dict[str, Any]:
    """Parse a command of the project with its own parser and return the options."""
    if command[0] == "streamsim":
        found: click.Command = main
        rest = list(command[1:])
        while isinstance(found, click.Group):
            name, own, rest = found.resolve_command(click.Context(found), rest)
            assert own is not None
            found = own
        return found.make_context(name, rest).params
    return vars(PROGRAMS[" ".join(command[:3])]().parse_args(command[3:]))


def listeners(variable: str) -> dict[str, str]:
    """Return one of Kafka's lists of listeners: name to address."""
    return dict(entry.split("://") for entry in KAFKA[variable].split(","))


def listening(name: str) -> set[int]:
    """Return the ports on which a service listens, by its command or its configuration."""
    if name == "kafka":
        return {int(a.rpartition(":")[2]) for a in listeners("KAFKA_LISTENERS").values()}
    return {port} if (port := parse(argv(name)).get("port")) else set()


def probe(name: str) -> list[str]:
    """Return the command of a service's health check."""
    return list(SERVICES[name]["healthcheck"]["test"][1:])


def test_every_command_of_ours_parses_and_names_what_exists() -> None:
    commands = [argv(name) for name in OURS] + dockerfile_commands()
    assert ["streamsim", "train", "--missing"] in commands
    brokers = listeners("KAFKA_ADVERTISED_LISTENERS").values()
    for options in map(parse, commands):
        domains = options.get("domain") or []
        for domain in [domains] if isinstance(domains, str) else domains:
            load_domain(domain)
        if options.get("broker"):
            assert check_address(options["broker"]) in brokers


def test_every_setting_is_known_and_its_value_fits() -> None:
    image = dict(pair.split("=", 1) for rest in after("ENV") for pair in shlex.split(rest))
    assert image["STREAMSIM_HOME"].startswith("/home/streamsim/")
    for variables in (image, *map(environment, OURS)):
        read_settings(environ={k: v for k, v in variables.items() if k.startswith(PREFIX)})


def test_services_wait_for_what_exists_and_can_come_true() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
            assert (how["condition"] == "service_completed_successfully") == (name == "topics")
    # Two that build one image race for its tag.
    assert [name for name in OURS if "build" in SERVICES[name]] == ["service"]
    assert len({SERVICES[name]["image"] for name in OURS}) == 1
    assert {SERVICES[name]["pull_policy"] for name in OURS} == {"build", "never"}


def test_published_ports_are_on_the_loopback_and_a_service_listens_there() -> None:
    for name, service in SERVICES.items():
        for published in service.get("ports", []):
            address, _, inside = published.rpartition(":")
            assert address.startswith(f"{LOOPBACK}:")
            assert int(inside) in listening(name)
    host, _, port = environment("worker")["STREAMSIM_MODEL_URL"].rpartition("/")[2].partition(":")
    assert (host, {int(port)}) == ("service", listening("service"))
    assert set(map(int, re.findall(rf"{LOOPBACK}:(\d+)", probe("service")[-1]))) == listening(host)


def test_controller_worker_and_service_are_of_one_run_and_share_its_folder() -> None:
    run = parse(argv("controller"))["run"]
    assert parse(argv("worker"))["group"] == group_of(Run(Path(run), {}))
    assert parse(argv("worker"))["scheduled"]
    home = dict(pair.split("=", 1) for rest in after("ENV") for pair in shlex.split(rest))
    folder = Path(home["STREAMSIM_HOME"]) / "runs"
    service = parse(argv("service"))
    assert service["renewed"] == folder / run / "models"
    assert service["token_file"] == folder / run / TOKEN
    for name in ("service", "controller"):
        (mounted,) = SERVICES[name]["volumes"]
        volume, _, place = mounted.partition(":")
        assert place == str(folder)
        owner = re.search(r"uid=(\d+)", COMPOSE["volumes"][volume]["driver_opts"]["o"])
        assert owner
        assert any(f"--uid {owner[1]} " in rest for rest in after("RUN"))
    assert parse(probe("controller"))["run"] is None
    assert (
        environment("controller")["STREAMSIM_MODEL_URL"]
        == (environment("worker")["STREAMSIM_MODEL_URL"])
    )


def test_kafka_tells_its_clients_addresses_that_they_can_reach() -> None:
    bound, told = listeners("KAFKA_LISTENERS"), listeners("KAFKA_ADVERTISED_LISTENERS")
    host, port = told["HOST"].split(":")
    assert host == "localhost"
    published = f"{LOOPBACK}:{port}:{bound['HOST'].rpartition(':')[2]}"
    assert published in SERVICES["kafka"]["ports"]
    assert told["INTERNAL"] == f"kafka:{bound['INTERNAL'].rpartition(':')[2]}"
    assert probe("kafka")[-1] in told.values()
    node = KAFKA["KAFKA_NODE_ID"]
    assert KAFKA["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{node}@{bound['CONTROLLER']}"
    assert f"{KAFKA['KAFKA_LOG_DIRS']}:mode=1777" in SERVICES["kafka"]["tmpfs"]


def test_the_worker_and_kafka_are_tuned_as_the_projects_own_stack_is() -> None:
    assert parse(argv("worker"))["session_s"] == SESSION_S
    largest = int(TOPIC_CONFIG["kafka"]["max.message.bytes"])
    assert int(KAFKA["KAFKA_MESSAGE_MAX_BYTES"]) >= largest
    assert int(KAFKA["KAFKA_LOG_SEGMENT_BYTES"]) > largest
    assert KAFKA["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert environment("service")["OMP_NUM_THREADS"] == "1"


def test_the_image_is_made_of_what_the_package_needs_and_of_nothing_else() -> None:
    copies = [rest.split() for rest in after("COPY") if not rest.startswith("--from=")]
    copied = {source for parts in copies for source in parts[:-1]}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    assert "*" in ignore
    assert copied == allowed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (package,) = project["tool"]["setuptools"]["packages"]["find"]["include"]
    # Its links lead to the folders, which have to be copied as well.
    packages = {
        package.rstrip("*"),
        *(p.name for p in (ROOT / "streamsim").iterdir() if p.is_dir()),
    }
    packages.discard("__pycache__")
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert copied == packages | needed | {"requirements.lock"}
    locked, own = [rest for rest in after("RUN") if " install " in rest]
    assert "--require-hashes -r requirements.lock" in locked
    assert "--no-deps" in own
    assert after("USER") == ["streamsim"]


def test_images_of_others_are_pinned() -> None:
    for image in [SERVICES["kafka"]["image"], *(rest.split()[0] for rest in after("FROM"))]:
        assert re.search(r":\d+\.\d+\.\d+(-[\w-]+)?$", image), f"{image} is not pinned"


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """Process groups that end with the test, also if the test run is killed."""
    started = Children(tmp_path / "logs")
    yield started
    started.stop_all(5)


def here(name: str, replaced: dict[str, str]) -> list[str]:
    """Return a service's command for this machine, with these options' values replaced."""
    command = argv(name)
    for option, value in replaced.items():
        command[command.index(option) + 1] = value
    if command[0] == "streamsim":
        return [sys.executable, "-m", "streamsim.simulator.cli", *command[1:]]
    return [sys.executable, *command[1:]]


def healthy(port: int) -> bool:
    """Run the model service's health check, with another port."""
    (usual,) = listening("service")
    _, *rest = (part.replace(str(usual), str(port)) for part in probe("service"))
    done = subprocess.run([sys.executable, *rest], capture_output=True, timeout=10, check=False)
    return done.returncode == 0


def until(condition: Callable[[], Any], children: Children, what: str) -> Any:
    """Wait until a condition holds, as long as all processes are alive."""

    def so() -> Any:
        children.check()
        return condition()

    return stacks.until(so, what, PATIENCE_S)


def start_service(children: Children, home: Path, broker: str = "127.0.0.1:9") -> int:
    port = free_port()
    folder = home / "runs" / "compose"
    replaced = {
        "--host": LOOPBACK, "--port": str(port), "--broker": broker,
        "--renewed": str(folder / "models"), "--token-file": str(folder / TOKEN),
    }  # fmt: skip
    children.start("service", here("service", replaced), environment("service"))
    return port


class Unready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503)


@pytest.mark.stack
@pytest.mark.embedded
@pytest.mark.long
def test_the_health_check_fails_unless_the_service_is_ready(
    home: Path, registry: Registry, children: Children
) -> None:
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        assert not healthy(bound.getsockname()[1]), "nothing listens there"
    with HTTPServer((LOOPBACK, 0), Unready) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert not healthy(server.server_port), "it answers 503"
    port = start_service(children, home)
    until(lambda: healthy(port), children, "the service is healthy")


@pytest.mark.stack
@pytest.mark.long
def test_the_commands_run_the_stack_from_topics_to_scores_and_alerts(
    home: Path, registry: Registry, children: Children, broker: str
) -> None:
    start_deciding(children, home, broker)
    alerts = children.start("alerts", here("alerts", {"--broker": broker}), environment("alerts"))

    said = once([*here("producer", {"--broker": broker}), "--days", "3", "--speed", "max"])
    (domain,) = parse(argv("worker"))["domain"]
    spec = load_domain(domain)
    counted = re.search(rf"([\d,]+) {spec.trigger.name}", said)
    assert counted, said
    sent = int(counted[1].replace(",", ""))
    seen: list[str] = []
    with Tail(broker, [t for t in topics_of(spec) if t.name == topic(domain, SCORES)]) as tail:

        def all_scored() -> bool:
            seen.extend(json.loads(record.value)["event_id"] for record in tail.poll(0.2))
            return len(seen) >= sent

        until(all_scored, children, f"{sent} scores")
    assert len(set(seen)) == len(seen) == sent > 1_000
    line = until(alerts.log.read_text, children, "a line of an alert")
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (WARNING|CRITICAL) +\w+ \w+: ", line), line


def start_deciding(children: Children, home: Path, broker: str) -> None:
    """Start topics, service, controller and worker."""
    service = start_service(children, home, broker)
    once(here("topics", {"--broker": broker}))
    url = {"STREAMSIM_MODEL_URL": f"http://{LOOPBACK}:{service}"}
    for name in ("controller", "worker"):
        children.start(name, here(name, {"--broker": broker}), environment(name) | url)


@pytest.mark.stack
@pytest.mark.slow
def test_a_person_promotes_a_version_in_the_stack(
    home: Path,
    registry: Registry,
    children: Children,
    broker: str,
    request: pytest.FixtureRequest,
) -> None:
    (domain,) = parse(argv("worker"))["domain"]
    spec = load_domain(domain)
    model = spec.model.recipe.name
    first = registry.champion(model)
    assert first is not None
    release, (estimator, _) = registry.release(model, first), registry.load(model, first)
    second = registry.add(
        estimator, release.signature, metrics={}, data=release.data, card="", created="now"
    ).version
    request.addfinalizer(lambda: (registry.promote(model, first), registry.drop(model, second)))
    start_deciding(children, home, broker)
    command = [*here("producer", {"--broker": broker}), "--days", "60", "--speed", "43200"]
    children.start("producer", command, environment("producer"))
    with Tail(broker, [t for t in topics_of(spec) if t.name == topic(domain, SCORES)]) as tail:
        scores: list[tuple[int, str]] = []

        def seen(version: str) -> bool:
            for record in tail.poll(0.2):
                named = (first_headers(record.headers)[MODEL_VERSION] or b"").decode()
                scores.append((record.timestamp, named))
            return any(named == version for _, named in scores)

        stacks.until(lambda: seen(first), "scores of the first champion", PATIENCE_S)
        health = [sys.executable, "-m", "streamsim.simulator.cli", *probe("controller")[1:]]
        assert f"{model} at 9999-12-31T00:00: {first} answers" in once(health)
        cli = [sys.executable, "-m", "streamsim.simulator.cli", "models", "promote", model, second]
        assert f"{second} is the champion in place of {first}" in once(cli)
        stacks.until(lambda: seen(second), "scores of the second", PATIENCE_S)
    bodies = [json.loads(r.value) for r in read_whole(broker, ops_topics())[OPS_MODELS]]
    (promoted,) = [body for body in bodies if body["event"] == "promoted"]
    assert promoted["run"] == parse(argv("worker"))["group"]
    since = parse_times([promoted["effective_from"]])[0]
    assert all(named == (second if at >= since else first) for at, named in scores)


def once(command: Sequence[str]) -> str:
    """Run a command that ends by itself; return its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
