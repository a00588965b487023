"""Rules and policies in files that nothing reads are faults of ``mesh check``."""

from __future__ import annotations

from pathlib import Path

import pytest
from governed_meshes import RULES, shop
from meshes import write

from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh

CEDAR = "permit (principal, action, resource);\n"


def faults(root: Path) -> list[Fault]:
    """All but that there is no workspace.yaml."""
    return [fault for fault in check_mesh(root).faults if fault.file != "workspace.yaml"]


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("rules.cedar", "access.cedar"),
        ("Access.cedar", "access.cedar"),
        ("policies/access.cedar", "access.cedar"),
        ("domains/access.cedar", "access.cedar"),
        ("domains/sales/Access.cedar", "domains/sales/access.cedar"),
        ("domains/sales/access.Cedar", "domains/sales/access.cedar"),
        ("domains/sales/access/rules.cedar", "domains/sales/access.cedar"),
        ("domains/sales/orders/access.cedar", "domains/sales/access.cedar"),
    ],
)
def test_rules_that_nobody_reads(tmp_path: Path, file: str, place: str) -> None:
    write(shop(tmp_path, "[]"), {file: CEDAR})
    (fault,) = faults(tmp_path)
    assert fault.file == file
    assert "rules that nobody reads" in fault.found
    assert fault.fix == f"move what it says into {place}"


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("Policies/more.py", "policies/more.py"),
        ("policy/more.py", "policies/more.py"),
        ("domains/sales/Policies/more.py", "domains/sales/policies/more.py"),
        ("domains/sales/rules/more.py", "domains/sales/policies/more.py"),
        ("domains/sales/policies.py", "domains/sales/policies/policies.py"),
        ("domains/sales/policies/deep/more.py", "domains/sales/policies/more.py"),
        ("domains/sales/orders/policies/more.py", "domains/sales/policies/more.py"),
    ],
)
def test_policies_that_nobody_looks_for(tmp_path: Path, file: str, place: str) -> None:
    write(shop(tmp_path, "[]"), {file: RULES})
    (fault,) = faults(tmp_path)
    assert (fault.file, fault.line) == (file, 8)
    assert "a policy's class where none is looked for" in fault.found
    assert fault.fix == f"move the file to {place}"


def test_what_is_read_and_what_is_none_of_these_passes(tmp_path: Path) -> None:
    files = {
        "access.cedar": CEDAR,
        "domains/sales/access.cedar": CEDAR,
        "domains/sales/policies/more.py": "from mesh_defs import DataPolicy\n",
        "domains/sales/orders/helper.py": "from mesh_defs import DataPolicy\nclass Data: ...\n",
        "domains/sales/_drafts/rules.cedar": CEDAR,
        "polish/rules.py": "'''No policy: class A(DataPolicy)'''\n",
        "other/rules.cedar": CEDAR,
    }
    write(shop(tmp_path, "[]"), files)
    assert faults(tmp_path) == []


def test_both_come_with_all_other_faults(tmp_path: Path) -> None:
    shop(tmp_path, "- EnoughRow")
    write(tmp_path, {"domains/sales/rules.cedar": CEDAR, "domains/sales/all.py": RULES})
    found = [fault.file for fault in faults(tmp_path)]
    assert found == ["domains/sales/all.py", "domains/sales/rules.cedar", "mesh.yaml"]
