"""Model registry: a folder of immutable versions, with aliases for those that have a part to play.

::

    <root>/<model>/champion        the version that is the champion; so the other ALIASES
    <root>/<model>/<version>/      model.skops  release.json  card.md

Models are stored with skops, never pickled. A model is loaded only if its bytes are those that were
released, all its types are known to be harmless, and its structure is sound. Of a renewed version
that differs from its champion in arrays only, ``renewed.npz`` has these, and there is no
``model.skops``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from streamsim.models.checking.structure import check_structure
from streamsim.models.checking.trusted_types import packed, trusted_types
from streamsim.models.releasing import version_files
from streamsim.models.releasing.release import RELEASE, Release, read_release
from streamsim.models.releasing.version_files import checked
from streamsim.models.renewed_arrays import pack_arrays, with_arrays
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import Renewable, champion_of, version_order

CHAMPION = "champion"
ALIASES = (CHAMPION, "challenger", "shadow", "canary")
TRIED = "tried"
"""File with the hashes of the models that have answered here."""
MODEL, RENEWED, CARD = "model.skops", "renewed.npz", "card.md"


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
        names = [p.name for p in folder.iterdir() if champion_of(p.name).isdecimal()]
        return sorted(names, key=version_order)

    def champion(self, model: str) -> str | None:
        """Return the champion's version, ``None`` if there is none."""
        return self.alias(model, CHAMPION)

    def promote(self, model: str, version: str) -> None:
        """Make a version the champion, in one step; the caller has tried it."""
        self.set_alias(model, CHAMPION, version)

    def alias(self, model: str, name: str) -> str | None:
        """Return the version that bears an alias, ``None`` if none does.

        Raises
        ------
        ModelError
            If there is no such alias, or its file cannot be read.
        """
        path = self._alias(model, name)
        try:
            version = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None
        return version if version in self.versions(model) else None

    def aliases(self, model: str) -> dict[str, str]:
        """Return the versions of a model that bear an alias, by alias."""
        found = {name: self.alias(model, name) for name in ALIASES}
        return {name: version for name, version in found.items() if version is not None}

    def set_alias(self, model: str, name: str, version: str | None) -> None:
        """Give an alias to a version in one step, or with ``None`` to no version.

        Raises
        ------
        ModelError
            If there is no such alias or version.
        """
        path = self._alias(model, name)
        if version is None:
            path.unlink(missing_ok=True)
        elif version in self.versions(model):
            version_files.replace(path, version.encode())
        else:
            raise ModelError(f"{model} has no version {version}")

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
        if self._store(name, blob, signature, about, card):
            self.mark_tried(hashlib.sha256(blob).hexdigest())

    def _store(
        self, name: str, blob: bytes, released: Signature, about: Mapping[str, Any], card: str
    ) -> bool:
        """Store a version atomically; return whether its name was free."""
        version, digest = released.version, hashlib.sha256(blob).hexdigest()
        document = {"signature": released.as_dict(), **about, "sha256": digest}
        files = {
            name: blob,
            CARD: card.replace("{version}", version).encode(),
            RELEASE: orjson.dumps(document, option=orjson.OPT_INDENT_2),
        }
        return version_files.publish(self._folder(released.model), version, files)

    def adopt(self, folder: Path) -> Signature:
        """Copy a version from another registry, under its own name, atomically.

        A version that is here already, with the same bytes, stays as it is.

        Parameters
        ----------
        folder
            Of the version: ``<root>/<model>/<version>`` of the other registry.

        Raises
        ------
        ModelError
            If it is damaged, its bytes are not those that were released, another version has its
            name here, or it is stored as arrays of a champion that is not here.
        """
        folder = folder.resolve()
        release = read_release(folder)
        model, version = folder.parts[-2:]
        what = f"{model} {version}"
        if (release.signature.model, release.signature.version) != (model, version):
            raise ModelError(f"{folder} is the folder of another version: see its {RELEASE}")
        name = RENEWED if (folder / RENEWED).exists() else MODEL
        try:
            files = {part: (folder / part).read_bytes() for part in (name, CARD, RELEASE)}
        except OSError as error:
            raise ModelError(f"{what}: {error.filename}: {error.strerror}") from None
        if hashlib.sha256(files[name]).hexdigest() != release.sha256:
            raise ModelError(f"{what}: {name} is not the file that was released")
        champion = champion_of(version)
        if name == RENEWED and champion not in self.versions(model):
            raise ModelError(f"{what} is stored as a part of {champion}: adopt that one first")
        is_free = version_files.publish(self._folder(model), version, files)
        if not is_free and self.release(model, version).sha256 != release.sha256:
            raise ModelError(f"{self.root} has another model as {what}")
        if Registry(folder.parents[1]).is_tried(release.sha256):
            self.mark_tried(release.sha256)
        return release.signature

    def release(self, model: str, version: str) -> Release:
        """Return the metadata of a version.

        Raises
        ------
        ModelError
            If there is no such version, or ``release.json`` cannot be read.
        """
        return read_release(self._folder(model) / checked(version))

    def is_whole(self, model: str, version: str) -> bool:
        """Say whether a version has a model of its own, not only the arrays of a renewed one."""
        return not (self._folder(model) / checked(version) / RENEWED).exists()

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
        """Delete a version that bears no alias; leave one that does."""
        if version not in self.aliases(model).values():
            version_files.remove(self._folder(model), version)

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
        what, is_whole = f"{model} {version}", self.is_whole(model, version)
        file = self._folder(model) / version / (MODEL if is_whole else RENEWED)
        try:
            blob = file.read_bytes()
        except OSError as error:
            raise ModelError(f"{what}: {file}: {error.strerror}") from None
        if hashlib.sha256(blob).hexdigest() != release.sha256:
            raise ModelError(f"{what}: {file.name} is not the file that was released")
        if not is_whole:
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
        return self.root / checked(model)

    def _alias(self, model: str, name: str) -> Path:
        if name not in ALIASES:
            raise ModelError(f"no alias {name[:100]!r}; there are: {', '.join(ALIASES)}")
        return self._folder(model) / name
