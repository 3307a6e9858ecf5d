"""The arrows of the house are a test, and so are the words that its cores share."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from alerting import bounds, words
from alerting.registry import CHANNELS, TRIGGERS
from dashboards import words as page_words
from dashboards.registry import PANELS
from detectors import measurement, multiplicity, rise
from detectors.registry import MULTIVARIATE, QUALITY, SEQUENTIAL, TWO_SAMPLE
from monitor.config import document

ROOT = Path(__file__).parent.parent
PACKAGES = ("monitor", "detectors", "alerting", "dashboards")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
          ("time", "time_ns")}  # fmt: skip
READS_THE_CLOCK = {
    "monitor/clock.py",
    "monitor/client.py",  # runs in the process of the user, where now is now
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def test_the_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " kept, 0 broken" in done.stdout


REGISTRIES = [
    ("detectors/two_sample", set(TWO_SAMPLE)),
    ("detectors/multivariate", set(MULTIVARIATE)),
    ("detectors/sequential", set(SEQUENTIAL)),
    ("alerting/channels", set(CHANNELS)),
    ("alerting/triggers", set(TRIGGERS)),
]


@pytest.mark.parametrize(("folder", "lines"), REGISTRIES, ids=[folder for folder, _ in REGISTRIES])
def test_a_line_for_each_file_and_a_file_for_each_line(folder: str, lines: set[str]) -> None:
    assert {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"} == lines


def test_a_line_for_each_panel_and_a_panel_for_each_line() -> None:
    files = {path.stem for path in (ROOT / "dashboards/panels").glob("*.py")} - {"__init__"}
    assert files == set(PANELS)


def test_kinds_are_the_same_everywhere() -> None:
    assert get_args(document.Kind) == document.KINDS
    assert set(multiplicity.DEFAULT_WEIGHTS) - {"segments"} == set(document.KINDS) - {"serving", "fairness"}


def test_severities_and_verdicts_are_the_same_everywhere() -> None:
    severities = get_args(words.Severity)
    assert severities == words.SEVERITIES
    assert get_args(document.Rule.model_fields["at"].annotation) == severities
    assert set(severities) < set(get_args(words.Verdict))
    assert set(page_words.VERDICTS) >= set(get_args(words.Verdict))
    assert set(page_words.KINDS) == set(document.KINDS)


def test_bounds_are_the_same_where_they_are_measured_and_judged() -> None:
    assert dict(bounds.QUALITY_WARNINGS) == dict(QUALITY)
    assert rise.SHORT_TOLERANCE == bounds.SHORT_REFERENCE_TOLERANCE
    assert document.Model().tolerance == bounds.TOLERANCE
    assert sum(multiplicity.DEFAULT_WEIGHTS.values()) == pytest.approx(1)
    assert document.Model().tolerance < bounds.DRIFT_CRITICAL


def test_every_reason_has_words() -> None:
    from alerting.sentence import sentence
    from tests.alerting.make import reading

    reasons = (
        measurement.TOO_FEW_ROWS,
        measurement.NO_REFERENCE,
        measurement.NO_HISTORY,
        measurement.NO_LABELS,
        measurement.IMMATURE_LABELS,
        measurement.NO_VARIATION,
        measurement.TOO_LARGE,
        measurement.NO_COLUMN,
        measurement.NO_ERRORS,
        measurement.NO_POSITIVES,
        measurement.NO_COMMON_VALUE,
        measurement.NOT_TWO_LEVELS,
        measurement.NOT_CLASSES,
        measurement.MISSING_EXTRA,
        measurement.BEFORE_REFERENCE,
    )
    for reason in reasons:
        said = sentence(reading(verdict="cannot_tell", reason=reason, value=None))
        told = ("needed", "with", "hours", "coming", "this test", "two categories", "wrong", "is for", "installed",
                "positive", "become known", "has one")  # fmt: skip
        assert said.endswith((*told, "older than the reference", "beyond all numbers", "share of its own")), said


def calls(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            yield name, node.func.attr, node.lineno


def test_only_the_clock_reads_the_clock() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        if str(path.relative_to(ROOT)) not in READS_THE_CLOCK
        for owner, name, line in calls(ast.parse(path.read_text("utf-8")))
        if (owner, name) in CLOCKS
    ]
    assert not found


def test_one_module_writes_final() -> None:
    """Rows of ClickHouse that are stored twice count once: who reads them has the table's name from there."""
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"(?i)\bfinal\b", node.value)
        if path.is_relative_to(ROOT / "monitor")
    }
    assert found == {"monitor/store/observations/clickhouse/schema.py"}


def test_the_client_needs_httpx_alone() -> None:
    code = (
        "import sys, monitor.client; "
        "heavy = {'numpy', 'scipy', 'pandas', 'pyarrow', 'sqlalchemy', 'fastapi', 'pydantic', 'sklearn'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_stay_small(package: str) -> None:
    long = []
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] != package:
            continue
        code = path.read_text("utf-8")
        if len(code.splitlines()) > LONGEST_FILE and path.name != "tables.py":  # one table after the other
            long.append(str(path.relative_to(ROOT)))
        for function in functions(ast.parse(code)):
            if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION:
                long.append(f"{path.relative_to(ROOT)}: {function.name}")
    assert not long


@pytest.mark.parametrize("package", PACKAGES)
def test_public_things_are_explained(package: str) -> None:
    bare = []
    for path in SOURCES:
        name, code = path.relative_to(ROOT), path.read_text("utf-8")
        if name.parts[0] != package or not code.strip():
            continue
        tree = ast.parse(code)
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
        bare += [f"{name}: {node.name}" for node in public if ast.get_docstring(node) is None]
        bare += [] if ast.get_docstring(tree) else [str(name)]
    assert not bare
