"""Which names domains, products and input ports may have.

A domain is a Python package (``domains.<domain>``) and a code location
(``mesh_defs.locations.<domain>``), a product's folder lies in that package, and an input is a
parameter of a Python transform. So Python's own words are no names.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Literal

from mesh_defs.faults import Fault
from mesh_defs.urls import NAME, NAME_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping

Named = Literal["domain", "product", "input", "output"]

_KEYWORDS = frozenset(word for word in keyword.kwlist if NAME.match(word))

# <product>/<name> is an answer of its own.
_ANSWERS = frozenset({"discovery", "feedback", "lineage", "trust"})
# Names that something else has already where a thing of ours is looked for.
_TAKEN: Mapping[Named, frozenset[str]] = {
    "domain": frozenset({"annotations"}),  # every module's, so mesh_defs.locations' too
    "product": _ANSWERS,  # its port has its name, if it says no other
    "input": frozenset({"context"}),  # the parameter that brings the run's own facts
    "output": _ANSWERS | {"context"},
}


def reserved(what: Named) -> frozenset[str]:
    """Names of the right form that a ``what`` may not have all the same."""
    # An output is neither a module nor a parameter, so Python does not mind its name.
    return _TAKEN[what] | (_KEYWORDS if what != "output" else frozenset())


def wrong_name(what: Named, name: str) -> tuple[str, str, str] | None:
    """What was found, what is allowed and the fix, when ``name`` cannot be that of a ``what``."""
    if not NAME.match(name):
        return f"the name '{name}'", NAME_RULE, f"rename the {what}"
    if name not in reserved(what):
        return None
    whose = "a word of Python" if name in _KEYWORDS else "which is taken"
    fix = f"rename the {what}, such as '{name}_{_SUFFIX[what]}'"
    return f"the name '{name}', {whose}", f"a name of {NAME_RULE}, not reserved", fix


def folder_faults(what: Named, name: str, file: str) -> list[Fault]:
    """The fault of a folder whose name a ``what`` cannot have; none when it is fine."""
    wrong = wrong_name(what, name)
    if wrong is None:
        return []
    found, allowed, fix = wrong
    return [Fault(file, 0, "", f"the folder's name{found.removeprefix('the name')}", allowed, fix)]


_SUFFIX: Mapping[Named, str] = {
    "domain": "domain",
    "product": "data",
    "input": "rows",
    "output": "rows",
}
