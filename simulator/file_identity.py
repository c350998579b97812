"""Identity of a file: whether a source is the one that a model learnt from, by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

HEAD = 64 << 10
"""Bytes at the beginning of a file that are compared: files grow at their end."""

Identity = list[tuple[int, str]]
"""Per file, how many bytes of its beginning were read, and their hash."""


def identity(path: Path) -> Identity:
    """Return the identity of a file, or of the files of a folder."""
    return sorted((len(head), _hash(head)) for head in map(_head, _files(path)))


def is_same(known: Iterable[tuple[int, str]], path: Path) -> bool:
    """Say whether all files of an identity are at a path; they may have grown or been renamed."""
    heads = [_head(file) for file in _files(path)]
    wanted = list(known)
    there = {length: {_hash(head[:length]) for head in heads} for length, _ in wanted}
    return bool(wanted) and all(digest in there[length] for length, digest in wanted)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        if file.is_file() and not hidden:
            yield file


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEAD)


def _hash(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:16]
