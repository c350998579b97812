"""Command ``python -m streamsim.models.serve``: the model service as a process."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from streamsim.models.checking.trial import try_model
from streamsim.models.loaded import Shelf
from streamsim.models.recommend import slates_of
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.models.serving.call_limits import INSIDE
from streamsim.streams.errors import ModelError, StackError, StreamsimError
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.stored.secret_files import shared_secret

SPARE_THREADS = 4
"""Threads beside those for the models' calls: for metadata requests, and to load models."""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.models.serve",
        description="Serve models: Open Inference Protocol v2, and POST /predict.",
    )
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument(
        "--broker",
        metavar="HOST:PORT",
        help="Kafka broker of the scores, for recommendations to known users",
    )
    parser.add_argument(
        "--snapshots", type=Path, help="folder for the newest scores of the known users"
    )
    parser.add_argument("--registry", type=Path, help="folder of the models")
    parser.add_argument(
        "--renewed",
        type=Path,
        help="folder of all versions of a run: renewed, retrained or copied; they are looked up "
        "here first, and loaded when they are asked for",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        help="file of the token, if none is set; made if it is missing",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME[:VERSION]",
        help="model to load (default: the champion of every model)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # The score follower logs a lost broker.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        arguments = parser().parse_args(argv)
        settings = read_settings(
            {
                "model_host": arguments.host,
                "model_port": arguments.port,
                "broker": arguments.broker,
            }
        )
        _serve(settings, arguments)
    except StreamsimError as error:
        print(f"streamsim.models.serve: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _load_again(shelf: Shelf, of_run: Registry, model: str) -> None:
    """Answer by default with the champion of a run in which the service was started before."""
    version = of_run.champion(model)
    if version is not None:
        try:
            shelf.load(model, version)
        except ModelError as error:  # the first champion answers by default, the others by name
            logging.getLogger(__name__).warning("%s", error)


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    from streamsim.models.serving.connections import make_server

    registry = Registry(arguments.registry or settings.home_path / "registry")
    of_run = arguments.renewed
    shelf = Shelf(registry, None if of_run is None else Registry(of_run), try_model)
    names: list[str] = arguments.model or [
        m for m in shelf.registry.models() if shelf.registry.champion(m)
    ]
    if not names:
        raise ModelError(f"no model in {shelf.registry.root}; train one: streamsim train DOMAIN")
    for name in names:
        model, _, version = name.partition(":")
        shelf.load(model, version or None)
        if of_run is not None:
            _load_again(shelf, Registry(of_run), model)
    token = settings.token
    if not token and arguments.token_file is not None:
        token = shared_secret(arguments.token_file)
    models = [name.partition(":")[0] for name in names]
    slates = slates_of(models, settings.broker, arguments.snapshots)
    app = create_service(
        shelf,
        max_rows=settings.max_rows,
        max_body=settings.max_body,
        token=token,
        slates=slates,
    )
    # What was imported and loaded stays: a collection that goes through it takes 0.1 s, in which
    # nothing is answered.
    gc.freeze()
    try:
        server = make_server(
            app,
            host=settings.model_host,
            port=settings.model_port,
            threads=SPARE_THREADS + INSIDE * (len(names) + len(slates)),
            max_body=settings.max_body,
        )
    except OSError as error:
        raise StackError(
            f"cannot listen on {settings.model_host}:{settings.model_port}: {error.strerror}"
        ) from None

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    address = f"http://{settings.model_host}:{server.effective_port}"
    logging.getLogger(__name__).info("serving %s on %s", ", ".join(names), address)
    try:
        server.run()
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
