"""Small real meshes for tests: folders, manifests, contracts, data files."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path

import duckdb

from mesh_defs.product.load import load_mesh
from mesh_defs.product.model import Mesh

MESH_YAML = """
name: test
profiles:
  local:
    services:
      files: {driver: files, path: data}
"""


def write(root: Path, files: dict[str, str]) -> Path:
    """Write ``files`` (relative name -> text, dedented) below ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def write_mesh(root: Path, files: dict[str, str]) -> Path:
    """A mesh below ``root``: ``mesh.yaml``, a ``defs.yaml`` for every domain that ``files`` name,
    and ``files`` themselves, which may replace these."""
    domains = {Path(name).parts[1] for name in files if Path(name).parts[0] == "domains"}
    base = {"mesh.yaml": MESH_YAML, "domains/__init__.py": ""}
    for domain in domains:
        base[f"domains/{domain}/defs.yaml"] = domain_yaml()
    return write(root, {**base, **files})


def domain_yaml() -> str:
    """A sound domain's ``defs.yaml``."""
    return """
        type: mesh_defs.Domain
        attributes:
          owner: team:test
          purpose: Testing.
        ---
        type: dagster.DefsFolderComponent
        """


def manifest(body: str = "", *, archetype: str = "source-aligned", version: str = "1.0.0") -> str:
    """A product's ``defs.yaml``; ``body`` holds more attributes, written from column 0."""
    head = (
        "type: mesh_defs.DataProduct\n"
        "attributes:\n"
        f"  archetype: {archetype}\n"
        f"  version: {version}\n"
        "  owner: team:test\n"
        "  purpose: A product of a test.\n"
    )
    return head + textwrap.indent(textwrap.dedent(body).strip("\n"), "  ") + "\n"


def contract(port: str, properties: str, *, quality: str = "", version: str = "1.0.0") -> str:
    """An ODCS contract of one port; ``properties`` and ``quality`` are YAML lists from column 0."""
    text = (
        "apiVersion: v3.1.0\n"
        "kind: DataContract\n"
        f"id: {port}-contract\n"
        f"version: {version}\n"
        "status: active\n"
        "schema:\n"
        f"  - name: {port}\n"
        "    properties:\n" + textwrap.indent(textwrap.dedent(properties).strip("\n"), " " * 6)
    )
    if quality:
        text += "\n    quality:\n" + textwrap.indent(textwrap.dedent(quality).strip("\n"), " " * 6)
    return text + "\n"


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """One database for the files of all tests: a new one takes 15 times as long as its file."""
    return duckdb.connect()


def write_parquet(root: Path, name: str, query: str) -> Path:
    """``data/<name>.parquet`` with the rows of ``query``; replaces the file."""
    path = root / "data" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with _duckdb().cursor() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def load(root: Path) -> Mesh:
    """The mesh below ``root``; its faults fail the test."""
    mesh = load_mesh(root)
    assert not mesh.faults, "\n".join(map(str, mesh.faults))
    return mesh
