"""A wheel in a clean virtual environment, as in another project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

FOLDERS = ("streamsim", "streams", "producers", "consumers", "models", "simulator", "benchmarks")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def copy_checkout(folder: Path) -> Path:
    """Copy the files of a build, which would otherwise leave files in the checkout."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def build(checkout: Path, out: Path) -> tuple[Path, Path]:
    """Build wheel and source distribution without a network; return their paths."""
    out.mkdir()
    run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", "--wheel-dir", str(out), str(checkout),
        ],
        checkout,
    )  # fmt: skip
    backend = "import sys, setuptools.build_meta as b; b.build_sdist(sys.argv[1])"
    run([sys.executable, "-c", backend, str(out)], checkout)
    (wheel,), (source,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, source


def in_wheel(path: Path) -> set[str]:
    """List a wheel's files."""
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def in_source(path: Path) -> set[str]:
    """List a source distribution's files, without its own folder; links are refused."""
    with tarfile.open(path) as source:
        members = source.getmembers()
    assert not [m.name for m in members if m.issym() or m.islnk()]
    return {m.name.partition("/")[2] for m in members if m.isfile()}


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel, and with its dependencies in a folder beside it.

    The dependencies are links to those of the environment that runs the tests, so that nothing is
    downloaded. That environment's own streamsim is left out.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path) -> Environment:
        """Create the environment, and install the wheel in it."""
        made = cls(folder)
        run([sys.executable, "-m", "venv", "--without-pip", str(folder)], ROOT)
        others = folder / "dependencies"
        others.mkdir()
        for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for path in Path(site).iterdir():
                if "streamsim" not in path.name and path.suffix != ".pth":
                    (others / path.name).symlink_to(path)
        (made.site / "dependencies.pth").write_text(f"{others}\n")
        before = made.names()
        run(
            [
                sys.executable, "-m", "pip", "--python", str(made.python), "install", "--quiet",
                "--no-deps", "--no-index", str(wheel),
            ],
            ROOT,
        )  # fmt: skip
        assert {n for n in made.names() - before if not n.endswith(".dist-info")} == {"streamsim"}
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Its site-packages."""
        (found,) = (self.folder / "lib").glob("python3*/site-packages")
        return found

    def names(self) -> set[str]:
        """The names at the top level of its site-packages."""
        return {path.name for path in self.site.iterdir()}

    def variables(self) -> dict[str, str]:
        """Return the variables of a shell with the environment active, without the checkout."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        kept.pop("VIRTUAL_ENV", None)
        return {**kept, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def run(
    command: list[str],
    folder: Path,
    environ: dict[str, str] | None = None,
    timeout: float = 180,
) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
