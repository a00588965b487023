"""The code of a product: which files make its outputs, whether they can be read, their digest."""

from __future__ import annotations

import ast
import hashlib
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, did_you_mean, nearest, relative
from mesh_defs.product.manifest import DbtTransform
from mesh_defs.product.model import Transform

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mesh_defs.product.manifest import Manifest
    from mesh_defs.yaml_source import Document

PYTHON_FILE = "transform.py"
FUNCTION = "transform"
CONTEXT = "context"
DBT_PROJECTS = "dbt_projects"
_DBT_OUTPUTS = frozenset({"target", "logs", "dbt_packages", "dbt_internal_packages"})


def find_transform(
    folder: Path, root: Path, document: Document, manifest: Manifest, inputs: Sequence[str]
) -> tuple[Transform | None, list[Fault]]:
    """The product's transform, or the faults that keep it from having one."""
    ports = list(manifest.outputs) or [folder.name]
    declared = manifest.transform
    if isinstance(declared, DbtTransform):
        return _dbt(root, document, declared.dbt, ports)
    kind = declared or ("python" if (folder / PYTHON_FILE).is_file() else "sql")
    if kind == "python":
        return _python(folder, root, document, inputs)
    return _sql(folder, root, document, ports)


def _sql(
    folder: Path, root: Path, document: Document, ports: Sequence[str]
) -> tuple[Transform | None, list[Fault]]:
    files = tuple(folder / f"{port}.sql" for port in ports)
    faults = []
    for port, file in zip(ports, files, strict=True):
        if not file.is_file():
            faults.append(
                document.fault(
                    ("attributes", "outputs", port),
                    found=f"no file {file.name}",
                    allowed=f"{file.name}, or {PYTHON_FILE}, or transform: {{dbt: <project>}}",
                    fix=f"write {relative(file, root)} with one SELECT",
                )
            )
        elif _is_empty(file):
            faults.append(empty_query(relative(file, root)))
    return (None if faults else Transform("sql", files)), faults


def _is_empty(file: Path) -> bool:
    try:
        return not file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return False  # its digest cannot be made either, which says why


def unreadable_file(name: str, error: OSError) -> Fault:
    """The fault of a file that is there and cannot be read."""
    found = f"a file that cannot be read ({error.strerror or error})"
    return Fault(name, 0, "", found, "a readable file", "mend its permissions, or write it anew")


def empty_query(name: str) -> Fault:
    """The fault of a SQL file in which nothing is written."""
    return Fault(name, 1, "", "an empty file", "one SELECT", "write the query")


def _python(
    folder: Path, root: Path, document: Document, inputs: Sequence[str]
) -> tuple[Transform | None, list[Fault]]:
    file = folder / PYTHON_FILE
    name = relative(file, root)
    allowed = [*inputs, CONTEXT]
    signature = f"def {FUNCTION}({', '.join(allowed)})"
    if not file.is_file():
        fault = document.fault(
            ("attributes", "transform"),
            found=f"no file {PYTHON_FILE}",
            allowed=signature,
            fix=f"write {name}",
        )
        return None, [fault]
    tree = _parsed(file, name)
    if isinstance(tree, Fault):
        return None, [tree]
    functions = [
        n
        for n in tree.body
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == FUNCTION
    ]
    if not functions or isinstance(functions[-1], ast.AsyncFunctionDef):
        return None, [_no_function(tree, name, signature)]
    arguments = functions[-1].args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    faults = [
        Fault(
            name,
            functions[-1].lineno,
            FUNCTION,
            f"parameter '{unknown}', which is no input",
            ", ".join(allowed),
            did_you_mean(unknown, allowed),
        )
        for unknown in names
        if unknown not in allowed
    ]
    local = sorted(path for path in folder.rglob("*.py") if path.is_file())
    return (None if faults else Transform("python", tuple(local))), faults


def _no_function(tree: ast.Module, name: str, signature: str) -> Fault:
    defined = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    close = nearest(FUNCTION, defined)
    if close is None:
        return Fault(name, 1, FUNCTION, "no such function", signature, f"write '{signature}'")
    line = defined[close].lineno
    if close == FUNCTION:
        fix = "remove 'async': nothing here waits"
        return Fault(name, line, FUNCTION, "an async function", signature, fix)
    fix = f"write '{FUNCTION}' instead of '{close}'"
    return Fault(name, line, FUNCTION, f"a function '{close}'", signature, fix)


def _parsed(file: Path, name: str) -> ast.Module | Fault:
    """The syntax tree of a Python file, or the one place at which Python gives up."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        fix = "mend the syntax on this line, or a bracket or quote left open above it"
        return Fault(name, error.lineno or 0, "", error.msg, "Python", fix)
    except UnicodeDecodeError as error:
        found = f"bytes that are no UTF-8 (at {error.start})"
        return Fault(name, 0, "", found, "Python in UTF-8", "save the file as UTF-8")
    except OSError as error:
        return unreadable_file(name, error)
    except ValueError as error:
        return Fault(name, 0, "", str(error), "Python", "write the file anew")


def _dbt(
    root: Path, document: Document, project: str, ports: Sequence[str]
) -> tuple[Transform | None, list[Fault]]:
    parent = root / DBT_PROJECTS
    folder = parent / project
    path = ("attributes", "transform", "dbt")
    if not (folder / "dbt_project.yml").is_file() or folder.parent != parent:
        known = sorted(p.parent.name for p in parent.glob("*/dbt_project.yml"))
        fault = document.fault(
            path,
            found=f"no dbt project '{project}'",
            allowed=", ".join(known) or f"a folder in {DBT_PROJECTS}/",
            fix=did_you_mean(project, known)
            if known
            else f"make {DBT_PROJECTS}/{project} with a dbt_project.yml, or remove 'dbt:'",
        )
        return None, [fault]
    files = tuple(
        sorted(
            file
            for file in folder.rglob("*")
            if file.is_file()
            and not _DBT_OUTPUTS & set(file.relative_to(folder).parts)
            and not file.name.startswith(".")
        )
    )
    models = {file.stem for file in files if file.suffix in (".sql", ".py")}
    faults = [
        document.fault(
            path,
            found=f"no model '{port}' in dbt_projects/{project}",
            allowed="one model per output port, of the same name",
            fix=did_you_mean(port, sorted(models)),
        )
        for port in ports
        if port not in models
    ]
    return (None if faults else Transform("dbt", files, folder)), faults


def digest_files(root: Path, files: Iterable[Path]) -> str | list[Fault]:
    """One sha256 (hex) over the names and bytes of ``files``, in their order; or a fault for each
    that cannot be read."""
    total = hashlib.sha256()
    faults = []
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            faults.append(unreadable_file(relative(file, root), error))
            continue
        total.update(f"{relative(file, root)}\0{len(content)}\0".encode())
        total.update(content)
    return faults or total.hexdigest()
