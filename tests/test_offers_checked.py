"""The manifest's key ``access``: what it may say, and what `mesh check` finds in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from access_meshes import COLUMNS, sales_files
from meshes import contract, load, manifest, write_mesh

from mesh_defs.product.check import check_mesh

HEAD = "inputs: {sales: files://sales}\npurposes: [analytics, care]\n"
ROLES = "roles:\n  - {role: care_team, access: read}\n"


def found(folder: Path, access: str) -> list[str]:
    files = {
        "domains/shop/sales/defs.yaml": manifest(HEAD + access),
        "domains/shop/sales/contract.yaml": contract("sales", COLUMNS) + ROLES,
    }
    root = write_mesh(folder, sales_files(**files))
    return [str(fault) for fault in check_mesh(root).faults]


def test_what_a_manifest_may_say(tmp_path: Path) -> None:
    access = """
access:
  auto_approve:
    - purposes: [analytics]
      domains: [office, shop]
      roles: [reader, care_team]
      kinds: [service, agent]
      classification: internal
      longest_days: 30
      may_grant: [care_team]
  longest_days: 365
  when_stale: refuse
"""
    assert found(tmp_path, access) == []
    offer = load(tmp_path).products["shop/sales"].manifest.access
    assert (offer.longest_days, offer.when_stale) == (365, "refuse")
    assert offer.auto_approve[0].kinds == ["service", "agent"]


def test_without_the_key_a_person_answers_and_late_data_is_served(tmp_path: Path) -> None:
    assert found(tmp_path, "") == []
    offer = load(tmp_path).products["shop/sales"].manifest.access
    assert (offer.auto_approve, offer.longest_days, offer.when_stale) == ([], 365, "serve")


def test_names_that_there_are_not_are_found_on_their_lines(tmp_path: Path) -> None:
    access = """
access:
  auto_approve:
    - domains: [office]
    - purposes: [analytic]
      domains: [offce]
      roles: [raeder]
      may_grant: [reader]
"""
    faults = found(tmp_path, access)
    where = "domains/shop/sales/defs.yaml:{}: attributes.access.auto_approve[1].{}[0]: found "
    expected = [
        (13, "purposes", "unknown purpose 'analytic'", "Fix: write 'analytics'"),
        (14, "domains", "unknown domain 'offce'", "Fix: write 'office'"),
        (15, "roles", "unknown role 'raeder'", "Fix: write 'reader'"),
        (16, "may_grant", "unknown role 'reader'", "a role that the contract names: care_team"),
    ]
    assert len(faults) == len(expected)
    for fault, (line, key, what, words) in zip(faults, expected, strict=True):
        assert fault.startswith(where.format(line, key))
        assert what in fault
        assert words in fault


@pytest.mark.parametrize(
    ("access", "words"),
    [
        ("{auto_approve: [{}]}", "approves whoever asks for whatever"),
        ("{auto_approve: [{longest_days: 3}]}", "approves whoever asks for whatever"),
        ("{auto_approve: [{may_grant: [care_team]}]}", "approves whoever asks for whatever"),
        ("{auto_approve: [{purposes: []}]}", "at least 1 item"),
        ("{auto_approve: [{kinds: [robot]}]}", "person"),
        ("{auto_approve: [{classification: secret}]}", "public, internal, confidential"),
        ("{longest_days: 0}", "greater than 0"),
        ("{longest_days: 4000}", "3650"),
        ("{when_stale: reject}", "refuse"),
        ("{auto_aprove: []}", "write 'auto_approve' instead of 'auto_aprove'"),
    ],
)
def test_what_no_manifest_may_say(tmp_path: Path, access: str, words: str) -> None:
    (fault,) = found(tmp_path, f"access: {access}\n")
    assert words in fault
    assert fault.startswith("domains/shop/sales/defs.yaml:")
    assert "attributes.access" in fault
