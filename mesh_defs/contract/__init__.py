"""Contracts: ODCS documents in, rules and verdicts out.

Everything is loaded at its first use, so that a rule's class costs no pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_defs.contract.load import load_contract, parse_fragment
    from mesh_defs.contract.model import Column, Contract, PortContract
    from mesh_defs.contract.verdicts import Verdict

__all__ = [
    "Column",
    "Contract",
    "PortContract",
    "Verdict",
    "load_contract",
    "parse_fragment",
]

_HOMES = {
    "Column": "mesh_defs.contract.model",
    "Contract": "mesh_defs.contract.model",
    "PortContract": "mesh_defs.contract.model",
    "Verdict": "mesh_defs.contract.verdicts",
    "load_contract": "mesh_defs.contract.load",
    "parse_fragment": "mesh_defs.contract.load",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mesh_defs.contract' has no attribute '{name}'")
