"""Metadata of a version, as its ``release.json`` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature

RELEASE = "release.json"


@dataclass(frozen=True, slots=True)
class Release:
    """A version's metadata.

    Attributes
    ----------
    metrics
        Measured when it was trained.
    data
        What it was trained on: source, period, rows, fingerprint.
    """

    signature: Signature
    metrics: Mapping[str, float]
    data: Mapping[str, Any]
    created: str
    sha256: str


def read_release(folder: Path) -> Release:
    """Read the metadata of the version in a folder.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    path = folder / RELEASE
    try:
        document = orjson.loads(path.read_bytes())
        return Release(
            Signature.from_dict(document["signature"]),
            document["metrics"],
            document["data"],
            document["created"],
            document["sha256"],
        )
    except FileNotFoundError:
        model, version = folder.parts[-2:]
        raise ModelError(f"no model {model} {version} in {folder.parents[1]}") from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    except (ModelError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error!r}"[:500]) from None
