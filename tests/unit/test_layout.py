"""The layout of the repository: names, sizes and imports that every module keeps to."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("streams", "producers", "consumers", "models", "simulator", "benchmarks")
MOST_LINES, MOST_MODULES = 400, 20
NO_NAMES = ("__init__.py", "__main__.py")


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield ast.unparse(node.args[0]).lstrip("f").strip("'\"")


def test_no_two_modules_outside_the_domains_have_the_same_basename() -> None:
    names = Counter(
        path.name
        for path in modules(*FOLDERS)
        if path.name not in NO_NAMES and not path.is_relative_to(ROOT / "streams" / "domains")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_file_is_longer_than_can_be_read_at_a_sitting() -> None:
    length = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in modules(*FOLDERS, "streamsim", "tests")
    }
    assert {path: lines for path, lines in length.items() if lines > MOST_LINES} == {}


def test_no_folder_has_more_modules_than_can_be_taken_in_at_a_glance() -> None:
    size = Counter(
        str(path.parent.relative_to(ROOT))
        for path in modules(*FOLDERS)
        if path.name not in NO_NAMES
    )
    assert {folder: count for folder, count in size.items() if count > MOST_MODULES} == {}


def test_the_folders_are_imported_by_the_name_that_is_installed() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(*FOLDERS, "tests")
        for name in imported(path)
        if name.partition(".")[0] in FOLDERS
    ]
    assert wrong == []


def test_a_finance_worker_loads_no_other_domain_and_nothing_of_training() -> None:
    program = (
        "import json, sys\n"
        "import streamsim.consumers.worker.app, streamsim.consumers.worker.engine\n"
        "from streamsim.streams.domain_registry import load_domain\n"
        "load_domain('finance')\n"
        "print(json.dumps(list(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, check=True)
    loaded = set(json.loads(run.stdout))
    domains = "streamsim.streams.domains."
    assert {m.split(".")[3] for m in loaded if m.startswith(domains)} == {"finance"}
    assert "streamsim.consumers.worker.engine" in loaded
    libraries = {m.partition(".")[0] for m in loaded}
    assert not libraries & {"flask", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy"}
