"""Small meshes under policies, for the tests of governance."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

from meshes import contract, manifest, write_mesh, write_parquet

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.product.model import Mesh
from mesh_defs.product.report import RunReport

ORDERS = """
- {name: id, logicalType: integer, required: true, primaryKey: true, description: The order.}
- {name: note, logicalType: string, description: What the customer wrote.}
"""

# Every policy class of these tests, as a team would write it in policies/rules.py.
RULES = '''
from __future__ import annotations

from collections.abc import Iterator

from mesh_defs import DataPolicy, DeclaredPolicy, Finding, parameter


class UsageWritten(DeclaredPolicy):
    """Every product says how it is used.

    More about it, which is no part of the message.
    """

    words: int = parameter(1, stricter="higher", ge=1)
    style: str = parameter("plain")

    def findings(self, product, mesh) -> Iterator[Finding]:
        if len((product.manifest.usage or "").split()) < self.words:
            yield Finding("too little is said of its usage", fix="add 'usage:'")


class EnoughRows(DataPolicy):
    """A port has enough rows."""

    least: int = parameter(1, stricter="higher", ge=0)

    def findings(self, port) -> Iterator[Finding]:
        if port.rows < self.least:
            yield Finding(f"{port.rows} rows of {self.least}", column="id", rows=port.rows)


class Exploding(DataPolicy):
    """It raises."""

    def findings(self, port) -> Iterator[Finding]:
        raise RuntimeError("out of order")
'''


def mesh_yaml(policies: str, more: str = "") -> str:
    """A ``mesh.yaml`` with ``policies`` (a YAML list from column 0)."""
    listed = textwrap.indent(textwrap.dedent(policies).strip("\n"), "  ")
    return (
        "name: test\n"
        "profiles:\n"
        "  local:\n    services:\n      files: {driver: files, path: data}\n"
        "  prod:\n    environment: production\n"
        "    services:\n      files: {driver: files, path: data}\n"
        f"policies:\n{listed}\n{more}"
    )


def domain_yaml(policies: str = "", waivers: str = "") -> str:
    """A domain's ``defs.yaml`` with ``policies`` and ``waivers`` (YAML lists from column 0)."""
    text = "type: mesh_defs.Domain\nattributes:\n  owner: team:test\n  purpose: Testing.\n"
    for name, body in (("policies", policies), ("waivers", waivers)):
        if body:
            text += (
                f"  {name}:\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"
            )
    return text + "---\ntype: dagster.DefsFolderComponent\n"


def waiver(policy: str, product: str = "orders", *, days: int = 30, **more: str) -> str:
    """A waiver that ends in ``days`` days, as one item of a YAML list."""
    until = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    values = {
        "policy": policy,
        "product": product,
        "reason": "The old system is replaced in spring.",
        "approved_by": "governance@test.example",
        "until": f"'{until}'",
        **more,
    }
    return "- " + "\n  ".join(f"{key}: {value}" for key, value in values.items() if value) + "\n"


def shop(
    root: Path,
    policies: str,
    *,
    domain: str = "",
    waivers: str = "",
    product: str = "",
    usage: str = "",
    rows: int = 3,
    files: dict[str, str] | None = None,
    more: str = "",
) -> Path:
    """A mesh of one product ``sales/orders`` with ``rows`` rows under ``policies``."""
    body = "inputs: {raw: 'files://raw'}\n"
    body += f"usage: {usage}\n" if usage else ""
    if product:
        body += "policies:\n" + textwrap.indent(textwrap.dedent(product).strip("\n"), "  ") + "\n"
    write_mesh(
        root,
        {
            "mesh.yaml": mesh_yaml(policies, more),
            "policies/rules.py": RULES,
            "domains/sales/defs.yaml": domain_yaml(domain, waivers),
            "domains/sales/orders/defs.yaml": manifest(body),
            "domains/sales/orders/contract.yaml": contract("orders", ORDERS),
            "domains/sales/orders/orders.sql": "select id, note from raw\n",
            **(files or {}),
        },
    )
    write_parquet(root, "raw", f"select i as id, 'note ' || i as note from range({rows}) t(i)")
    return root


def run(root: Path, identity: str = "sales/orders", profile: str | None = None) -> RunReport:
    """Run the product in the container."""
    mesh = load_mesh(root, profile)
    return run_product(mesh, mesh.product(f"mesh://{identity}"))


def verdict(report: RunReport, policy: str, port: str = "orders") -> Verdict:
    """What ``policy`` says of ``port``; there is exactly one such verdict."""
    found = [
        v for v in report.verdicts if v.stage == "policy" and v.rule == policy and v.subject == port
    ]
    assert len(found) == 1, [v.rule for v in report.verdicts]
    return found[0]


def policy_faults(mesh: Mesh) -> list[str]:
    """The faults of ``mesh``, as text."""
    return [str(fault) for fault in mesh.faults]
