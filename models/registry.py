"""Model registry: a folder of immutable numbered versions, with an alias for the champion.

::

    <root>/<model>/champion        the number of the champion
    <root>/<model>/<version>/      model.skops  release.json  card.md

Models are stored with skops, never pickled. A model is loaded only if its bytes are those that were
released, all its types are known to be harmless, and its structure is sound. Of a renewed version
that differs from its champion in arrays only, ``renewed.npz`` has these, and there is no
``model.skops``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from streamsim.models.checking.structure import check_structure
from streamsim.models.checking.trusted_types import packed, trusted_types
from streamsim.models.renewed_arrays import pack_arrays, with_arrays
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import Renewable, champion_of, version_order

CHAMPION = "champion"
TRIED = "tried"
"""File with the hashes of the models that have answered here."""
MODEL, RENEWED, RELEASE, CARD = "model.skops", "renewed.npz", "release.json", "card.md"


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


class Registry:
    """The models under one folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def models(self) -> list[str]:
        """Return the names of all models, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and self.versions(p.name))

    def versions(self, model: str) -> list[str]:
        """Return the versions of a model, oldest first."""
        folder = self._folder(model)
        if not folder.is_dir():
            return []
        names = [p.name for p in folder.iterdir() if champion_of(p.name).isdigit()]
        return sorted(names, key=version_order)

    def champion(self, model: str) -> str | None:
        """Return the champion's version, ``None`` if there is none."""
        path = self._folder(model) / CHAMPION
        try:
            version = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None
        return version if version in self.versions(model) else None

    def promote(self, model: str, version: str) -> None:
        """Make a version the champion, in one step; the caller has tried it."""
        if version not in self.versions(model):
            raise ModelError(f"{model} has no version {version}")
        _replace(self._folder(model) / CHAMPION, version.encode())

    def add(
        self,
        estimator: Estimator,
        signature: Signature,
        *,
        metrics: Mapping[str, float],
        data: Mapping[str, Any],
        card: str,
        created: str,
    ) -> Signature:
        """Store a new version under the next number, atomically.

        ``signature.version`` and ``{version}`` in ``card`` are set to that number.

        Raises
        ------
        ModelError
            If it could not be loaded: it holds a type that is not trusted, or does not fit its
            signature.
        """
        blob = packed(signature.model, estimator)
        check_structure(signature.model, estimator, len(signature.features))
        about = {"metrics": dict(metrics), "data": dict(data), "created": created}
        while True:
            numbers = (int(champion_of(version)) for version in self.versions(signature.model))
            released = replace(signature, version=str(max(numbers, default=0) + 1))
            if self._store(MODEL, blob, released, about, card):
                self.mark_tried(hashlib.sha256(blob).hexdigest())
                return released

    def put(
        self,
        estimator: Estimator,
        signature: Signature,
        *,
        data: Mapping[str, Any],
        created: str,
        metrics: Mapping[str, float] | None = None,
        card: str = "# {version}\n",
        is_whole: bool = False,
    ) -> None:
        """Store a version under its own name, unless that version exists already.

        Parameters
        ----------
        is_whole
            Whether it is more than a renewal of its champion. If not, only the renewed arrays of a
            :class:`~streamsim.streams.spec.renewals.Renewable` are stored.

        Raises
        ------
        ModelError
            If it holds a type that is not trusted, so that it could not be loaded.
        """
        if signature.version in self.versions(signature.model):
            return
        about = {"metrics": dict(metrics or {}), "data": dict(data), "created": created}
        if isinstance(estimator, Renewable) and not is_whole:
            name, blob = RENEWED, pack_arrays(estimator.renewed_arrays())
        else:
            name, blob = MODEL, packed(signature.model, estimator)
        self._store(name, blob, signature, about, card)

    def _store(
        self, name: str, blob: bytes, released: Signature, about: Mapping[str, Any], card: str
    ) -> bool:
        """Store a version atomically; return whether its name was free."""
        folder, version = self._folder(released.model), released.version
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
            draft = Path(temporary) / "version"
            draft.mkdir()
            (draft / name).write_bytes(blob)
            (draft / CARD).write_text(card.replace("{version}", version))
            digest = hashlib.sha256(blob).hexdigest()
            document = {"signature": released.as_dict(), **about, "sha256": digest}
            (draft / RELEASE).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            for file in draft.iterdir():
                file.chmod(0o444)
            try:
                draft.rename(folder / _checked(version))
            except OSError:
                if version in self.versions(released.model):
                    return False  # another process took the name
                raise
        return True

    def release(self, model: str, version: str) -> Release:
        """Return the metadata of a version.

        Raises
        ------
        ModelError
            If there is no such version, or ``release.json`` cannot be read.
        """
        path = self._folder(model) / _checked(version) / RELEASE
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
            raise ModelError(f"no model {model} {version} in {self.root}") from None
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None
        except (ModelError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} is damaged: {error!r}"[:500]) from None

    def is_tried(self, sha256: str) -> bool:
        """Say whether a file of these bytes has answered before; see :mod:`.trial`."""
        try:
            return sha256 in (self.root / TRIED).read_text(errors="replace").split()
        except OSError:
            return False

    def mark_tried(self, sha256: str) -> None:
        """Remember that a file of these bytes answers."""
        with suppress(OSError), (self.root / TRIED).open("a") as file:
            file.write(f"{sha256}\n")

    def drop(self, model: str, version: str) -> None:
        """Delete a version that is not the champion."""
        shutil.rmtree(self._folder(model) / _checked(version), ignore_errors=True)

    def card(self, model: str, version: str) -> str:
        """Return a version's model card (Markdown)."""
        self.release(model, version)
        path = self._folder(model) / version / CARD
        try:
            return path.read_text(errors="replace")
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None

    def load(
        self, model: str, version: str, champion: Callable[[], Estimator] | None = None
    ) -> tuple[Estimator, Signature]:
        """Load a version.

        Parameters
        ----------
        champion
            Returns the champion of a renewed version, which may be stored as arrays of it.

        Raises
        ------
        ModelError
            If there is no such version, its bytes have changed, it holds a type that is not
            trusted, or it is damaged.
        """
        import skops.io

        release = self.release(model, version)
        what, file = f"{model} {version}", self._folder(model) / version / RENEWED
        is_renewed = file.exists()
        if not is_renewed:
            file = file.with_name(MODEL)
        try:
            blob = file.read_bytes()
        except OSError as error:
            raise ModelError(f"{what}: {file}: {error.strerror}") from None
        if hashlib.sha256(blob).hexdigest() != release.sha256:
            raise ModelError(f"{what}: {file.name} is not the file that was released")
        if is_renewed:
            return with_arrays(what, champion() if champion else None, blob), release.signature
        trusted = trusted_types(what, blob)
        try:
            estimator = skops.io.loads(blob, trusted=trusted)
            check_structure(what, estimator, len(release.signature.features))
        except ModelError:
            raise
        except Exception as error:  # of any kind: the file may be of another's making
            raise ModelError(f"{what}: {file.name} cannot be read: {error!r}"[:500]) from None
        return estimator, release.signature

    def _folder(self, model: str) -> Path:
        return self.root / _checked(model)


def _checked(name: str) -> str:
    """Return a name if it is a single path component; the registry must stay inside its root."""
    if not name or len(name) > 100 or not all(c.isalnum() or c in "-_" for c in name):
        raise ModelError(f"not a model or version name: {name[:100]!r}")
    return name


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(handle, 0o644)  # as the versions: their readers need it too
    Path(name).replace(path)
