"""The reference of recipes: a JSON file that is committed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streamsim.models.recipe_check.recipe_gates import (
    GROWTH,
    FixedWorld,
    Kept,
    Measured,
    Reference,
)
from streamsim.streams.errors import UsageError

SCHEMA = 1
LIBRARIES = ("numpy", "scipy", "scikit-learn")


def read_reference(path: Path) -> dict[str, Reference]:
    """Read the references by domain; there are none without a file.

    Raises
    ------
    UsageError
        If the file is not one that was written here.
    """
    if not path.exists():
        return {}
    try:
        document = orjson.loads(path.read_bytes())
        if document["schema"] != SCHEMA:
            raise UsageError(
                f"{path} is of schema {document['schema']}; this version reads {SCHEMA}"
            )
        return {name: _read(own) for name, own in document["domains"].items()}
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no reference of recipes: {error!r}"[:300]) from None


def write_reference(path: Path, measured: Mapping[str, Measured]) -> None:
    """Write the references of these domains; those of others stay as they are.

    Raises
    ------
    UsageError
        If the file there is no reference.
    """
    before = read_reference(path)
    document: dict[str, Any] = {"schema": SCHEMA, "domains": {}}
    if path.exists():
        document = orjson.loads(path.read_bytes())
    for name, own in measured.items():
        document["domains"][name] = _written(own, before.get(name))
    document["domains"] = dict(sorted(document["domains"].items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    draft.replace(path)


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that compute the figures."""
    return {name: version(name) for name in LIBRARIES}


def _read(own: Mapping[str, Any]) -> Reference:
    world = own["world"]
    return Reference(
        FixedWorld(
            int(world["seed"]),
            float(world["days"]),
            {str(name): float(value) for name, value in world["options"].items()},
        ),
        str(own["events"]),
        str(own["features"]),
        {name: _kept(figure) for name, figure in own["figures"].items()},
        int(own["size"]["bytes"]),
        int(own["size"]["most"]),
        {str(name): str(value) for name, value in own["libraries"].items()},
    )


def _kept(figure: Mapping[str, Any]) -> Kept:
    paired = np.array(figure["paired"].split(), np.float64)
    return Kept(float(figure["value"]), float(figure["tolerance"]), paired)


def _written(own: Measured, before: Reference | None) -> dict[str, Any]:
    """Return a reference as JSON types; the tolerances are those that were there before."""
    kept = {} if before is None else {n: f.tolerance for n, f in before.figures.items()}
    return {
        "model": own.model,
        "world": {
            "seed": own.world.seed,
            "days": own.world.days,
            "options": dict(own.world.options),
        },
        "events": own.rows,
        "learnt": {"events": own.learnt[0], "positives": own.learnt[1]},
        "judged": {"events": own.judged[0], "positives": own.judged[1]},
        "features": own.features,
        "figures": {
            name: {
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
                "tolerance": kept.get(name, 0.0),
                # One text, not a line for each number.
                "paired": " ".join(f"{x:g}" for x in own.paired[name]),
            }
            for name, figure in own.figures.items()
        },
        "size": {"bytes": own.size, "most": int(own.size * GROWTH)},
        "libraries": libraries(),
    }
