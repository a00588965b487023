"""What dbt says when something is wrong, as one line a person can act on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import NOT_SHOWN, safe_text
from mesh_defs.faults import relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dbt.artifacts.schemas.run import RunResult

# dbt's headings: "Database Error in model flights (models/flights.sql)", "Compilation Error".
_HEADING = re.compile(r"\s*[\w ]+? Error(?: in [\w ]+? \S+ \([^)]+\))?\s*\Z")
_NOISE = re.compile(r"\s*(compiled code at |> in |> called by |Encountered an error:)")
_FILE = re.compile(r"\(([\w.-]+/[^()\s]+\.(?:sql|py|yml|yaml|csv))\)")
_CONFIGURATION = re.compile(r"^Error encountered in (/.*)$", re.MULTILINE)
_SOURCE = re.compile(r"depends on a source named '([^']+)' which was not found")
_DEPS = 'Run "dbt deps" to install package dependencies.'
_TRACEBACK = "Traceback (most recent call last):"
_COMPILATION = "Compilation Error"
_CLASS = re.compile(r"[A-Za-z_][\w.]*(?=:|\Z)")
_FRAME = re.compile(r'\s*File "[^"]*\Wtmp\w+\.py", (line \d+, in \w+)')


class DbtGaveUp(Exception):
    """dbt ended without results. Its text is dbt's own message."""


def of_results(
    results: Iterable[RunResult], project: Path, root: Path, names: str | None = None
) -> str:
    """One paragraph per node that dbt could not build; empty when all were. What is skipped
    because of another is not repeated. ``names`` as in `told`."""
    return "\n".join(
        _paragraph(result, project, root, names)
        for result in results
        if str(result.status) in ("error", "fail")
    )


def _paragraph(result: RunResult, project: Path, root: Path, names: str | None) -> str:
    node = result.node
    file = relative(project / node.original_file_path, root)
    return f"{file}: {node.resource_type} '{node.name}': {told(result, names)}"


def told(result: RunResult, names: str | None) -> str:
    """What dbt says of a node that it could not build or test. ``names`` is None where the data is
    nobody's; else they are what it may quote besides the node's own code, and values are not."""
    message = str(result.message or "")
    said = body(message)
    if names is None:
        return said
    if _TRACEBACK in message:
        raised, *frames = said.splitlines()
        kind = _CLASS.match(raised)
        return "\n".join([f"{kind.group() if kind else 'an error'} ({NOT_SHOWN})", *frames])
    if message.lstrip().startswith(_COMPILATION):
        return f"{_COMPILATION} ({NOT_SHOWN})"  # the project's own macros write it
    return safe_text(said, known=f"{getattr(result.node, 'raw_code', '')} {names}")


def of_exception(
    message: str, project: Path, root: Path, inputs: Sequence[str], *, private: bool = False
) -> str:
    """The message with which dbt gave up, behind the file that it speaks of. ``inputs`` are named
    when a source is missing. ``private`` leaves out what dbt says."""
    file = _FILE.search(message) or _CONFIGURATION.search(message)
    at = project / file.group(1) if file else project
    if private:
        return f"{relative(at if at.exists() else project, root)}: dbt gave up ({NOT_SHOWN})"
    where = relative(at, root)
    text = body(_CONFIGURATION.sub("", message)).replace(f"{root}/", "")
    missing = _SOURCE.search(message)
    if missing is not None:
        text += (
            f"; the product's inputs: {', '.join(inputs) or 'none'}. Fix: mend the name, or "
            f"declare '{missing.group(1).rpartition('.')[2]}' as a table of the source 'inputs' in "
            "the project, and as an input in the product's defs.yaml"
        )
    install = f"Fix: run 'dbt deps --project-dir {relative(project, root)}'"
    return f"{where}: {text.replace(_DEPS, install)}"


def body(message: str) -> str:
    """dbt's message without headings, macro traces, paths of compiled files and tracebacks."""
    lines = [line for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
    while lines and _HEADING.match(lines[0]):
        lines.pop(0)
    if any(_TRACEBACK in line for line in lines):
        lines = _python(lines)
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    text = "\n".join(line[indent:].rstrip() for line in lines).strip()
    return text or "dbt gave no reason"


def _python(lines: list[str]) -> list[str]:
    """What a Python model raised, and where in it; dbt runs it from a temporary file."""
    frames = [
        f"{frame.group(1)}: {lines[index + 1].strip()}"
        for index, line in enumerate(lines[:-1])
        if (frame := _FRAME.match(line)) is not None
    ]
    return [lines[-1].strip(), *(f"  {frame}" for frame in frames)]
