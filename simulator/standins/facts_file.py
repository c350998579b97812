"""Read a third party's facts from a JSON file into its stand-in."""

from __future__ import annotations

from pathlib import Path

import orjson

from streamsim.streams.errors import AnswerError, SourceError
from streamsim.streams.spec.third_parties import StandIn, StandInSpec

MAX_FILE = 256 << 20


def learn_file(standin: StandIn, spec: StandInSpec, path: Path) -> None:
    """Load the facts in a file into a stand-in.

    Raises
    ------
    SourceError
        If the file cannot be read, is too large, or does not hold facts of this stand-in.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise SourceError(f"{path} is larger than {MAX_FILE >> 20} MiB")
        standin.learn(spec.facts_of(orjson.loads(path.read_bytes())))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{path} is not JSON: {error}") from None
    except AnswerError as error:
        raise SourceError(f"{path} holds no {spec.entries}: {error}") from None
