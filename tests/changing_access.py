"""A small real mesh whose sales Ada sees in clear, and how that comes to its end."""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from access_meshes import COLUMNS, PEOPLE, READERS, ROWS, URL, publish, sales_files
from meshes import contract, manifest, write_mesh, write_parquet

from mesh_defs.gateway.reads import reads

ADA = "person:ada@shop.example"
SECRET, LATER = "person0@mail.example", "visitor0@mail.example"
RULES, CONTRACT = "domains/shop/access.cedar", "domains/shop/sales/sub/contract.yaml"
OPEN = re.sub("classification: [a-z]+", "classification: confidential", COLUMNS)
MORE = """
@id("more")
permit (principal in Role::"reader", action in [Action::"query", Action::"subscribe"],
  resource == Port::"shop/sales/sales");
"""
FORBID = '\n@id("no")\nforbid (principal, action, resource);\n'
END = datetime.now(UTC) + timedelta(minutes=30)
WHILE = f"""
@id("while")
permit (principal in Role::"reader",
  action in [Action::"read", Action::"query", Action::"subscribe"],
  resource in Port::"shop/sales/sales")
when {{ context.time < datetime("{END:%Y-%m-%dT%H:%M:%SZ}") }};
"""


def made(root: Path, rows: str) -> Path:
    """A mesh whose sales Ada sees in clear; their contract lies in a folder of its own."""
    files = sales_files(READERS + MORE)
    del files["domains/shop/sales/contract.yaml"]
    files[CONTRACT] = contract("sales", OPEN)
    files["domains/shop/sales/defs.yaml"] = manifest(
        "inputs: {sales: files://sales}\npurposes: [analytics, care]\n"
        "outputs: {sales: {contract: sub/contract.yaml}}"
    )
    write_mesh(root, files)
    write_parquet(root, "sales", rows)
    publish(root, URL)
    return root


def forbid(root: Path, _: pytest.MonkeyPatch) -> None:
    (root / RULES).write_text(READERS + MORE + FORBID)


def no_role(root: Path, _: pytest.MonkeyPatch) -> None:
    (root / "principals.yaml").write_text(
        PEOPLE.replace("{roles: [reader], domain: shop}", "{domain: office}")
    )


def no_role_unseen(root: Path, _: pytest.MonkeyPatch) -> None:
    """In place: same size, same time of change, same inode."""
    file = root / "principals.yaml"
    before = file.stat()
    text = file.read_text()
    file.write_text(text.replace("[reader], domain: shop", "[nobody], domain: none"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert after.st_ino == before.st_ino


def nobody(root: Path, _: pytest.MonkeyPatch) -> None:
    (root / "principals.yaml").write_text("services:\n  reports: {roles: [reader]}\n")


def raised(root: Path, _: pytest.MonkeyPatch) -> None:
    (root / CONTRACT).write_text(contract("sales", COLUMNS))


def over(_: Path, patch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(minutes=31)

    patch.setattr(reads, "datetime", Later)


CHANGES = {
    "everything forbidden": forbid,
    "role removed": no_role,
    "role removed, the file of the same size and time": no_role_unseen,
    "principal removed": nobody,
    "classification raised": raised,
    "a rule's end": over,
}


def copied(origin: Path, root: Path, change: str) -> Path:
    """A mesh as ``origin``; with rules that end where ``change`` is that, and nothing beside."""
    shutil.copytree(origin, root)
    if CHANGES[change] is over:
        (root / RULES).write_text(WHILE)
        (root / "principals.yaml").write_text(PEOPLE.replace("domain: shop", "domain: office"))
    return root


def new_version(root: Path) -> None:
    write_parquet(root, "sales", ROWS.replace("'person'", "'visitor'"))
    publish(root, URL)
