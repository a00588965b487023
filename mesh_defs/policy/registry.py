"""Where policies' classes come from: those that ship, other packages' and the mesh's own files.

A shipped policy is a name and where its class is, loaded when something names it. Another package
adds some by the entry point group ``mesh_defs.policies``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh_defs.policy.model import Policy

GROUP = "mesh_defs.policies"
FOLDER = "policies"

_DECLARED = "mesh_defs.policy.declared"
_DATA = "mesh_defs.policy.data"
_FLOW = "mesh_defs.policy.flow"

# Name and home of every policy that ships, by what it is about.
SHIPPED: Mapping[str, str] = {
    "OwnerReachable": f"{_DECLARED}.ownership:OwnerReachable",
    "PurposeAndLimitations": f"{_DECLARED}.documentation:PurposeAndLimitations",
    "MeaningDescribed": f"{_DECLARED}.documentation:MeaningDescribed",
    "ExecutableContract": f"{_DECLARED}.contracts:ExecutableContract",
    "TimesPromised": f"{_DECLARED}.contracts:TimesPromised",
    "ArchetypesInOrder": f"{_DECLARED}.archetypes:ArchetypesInOrder",
    "NoRetiredInput": f"{_DECLARED}.archetypes:NoRetiredInput",
    "NoDraftInput": f"{_DECLARED}.archetypes:NoDraftInput",
    "NoCycle": f"{_DECLARED}.archetypes:NoCycle",
    "TermsOfUse": f"{_DECLARED}.terms:TermsOfUse",
    "DataResidency": f"{_DECLARED}.terms:DataResidency",
    "NamesByConvention": f"{_DECLARED}.naming:NamesByConvention",
    "VersionRaised": f"{_DECLARED}.versions:VersionRaised",
    "SensitivityFollows": f"{_FLOW}.sensitivity:SensitivityFollows",
    "PurposesFollow": f"{_FLOW}.purposes:PurposesFollow",
    "TrainingData": f"{_FLOW}.training:TrainingData",
    "VolumeDrift": f"{_DATA}.volume:VolumeDrift",
    "DistributionDrift": f"{_DATA}.distribution:DistributionDrift",
    "FreshnessKept": f"{_DATA}.ages:FreshnessKept",
    "RetentionKept": f"{_DATA}.ages:RetentionKept",
    "ReferencesHold": f"{_DATA}.references:ReferencesHold",
    "WithinBudget": f"{_DATA}.budget:WithinBudget",
    "ConsumerExpectations": f"{_DATA}.consumers:ConsumerExpectations",
    "UndeclaredPersonalData": f"{_DATA}.personal.policy:UndeclaredPersonalData",
    "KAnonymity": f"{_DATA}.anonymity:KAnonymity",
    "LDiversity": f"{_DATA}.anonymity:LDiversity",
    "MinimumGroupSize": f"{_DATA}.anonymity:MinimumGroupSize",
}


@dataclass(frozen=True, slots=True)
class Local:
    """The policies of one ``policies/`` folder. ``digests`` has the sha256 of each class's file."""

    classes: Mapping[str, type[Policy]]
    digests: Mapping[str, str]
    faults: tuple[Fault, ...]


@cache
def _installed() -> dict[str, str]:
    found = {point.name: point.value for point in entry_points(group=GROUP)}
    return {**found, **SHIPPED}


def names() -> list[str]:
    """Names of all policies that ship or are installed."""
    return sorted(_installed())


def policy_class(name: str) -> type[Policy] | None:
    """The class of a policy that ships or is installed; None when there is none of that name.

    Raises `ImportError` and `AttributeError` when an installed package is not what it says.
    """
    where = _installed().get(name)
    if where is None:
        return None
    module, _, attribute = where.partition(":")
    found: type[Policy] = getattr(import_module(module), attribute)
    return found


def local_policies(folder: Path, root: Path) -> Local:
    """The policies' classes in the Python files of ``folder``, each of which is run.

    What a file does wrong comes back as faults.
    """
    classes: dict[str, type[Policy]] = {}
    digests: dict[str, str] = {}
    faults: list[Fault] = []
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    for file in files:
        name = relative(file, root)
        try:
            found = _classes_in(file, root)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a file may raise anything
            faults.append(_import_fault(error, file, name))
            continue
        for each in found:
            if each.__name__ in classes or each.__name__ in _installed():
                faults.append(
                    Fault(
                        name,
                        0,
                        "",
                        f"a second policy '{each.__name__}'",
                        "a name that no other policy has",
                        "rename the class",
                    )
                )
                continue
            classes[each.__name__] = each
            digests[each.__name__] = hashlib.sha256(file.read_bytes()).hexdigest()
    return Local(classes, digests, tuple(faults))


def _classes_in(file: Path, root: Path) -> list[type[Policy]]:
    from inspect import isabstract

    from mesh_defs.policy.model import Policy

    parts = [part for part in relative(file.with_suffix(""), root).split("/") if part]
    module_name = "mesh_policies." + ".".join(part.replace(".", "_") for part in parts)
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None  # noqa: S101  a file that ends in .py always has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # so that annotations are found by what reads them
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Policy)
        and value.__module__ == module_name
        and not isabstract(value)
    ]


def _import_fault(error: BaseException, file: Path, name: str) -> Fault:
    import traceback

    line = 0
    if isinstance(error, SyntaxError):
        line = error.lineno or 0
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == str(file):
                line = frame.lineno or line
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = next(iter(text.splitlines()), "")
    return Fault(
        name,
        line,
        "",
        f"{type(error).__name__}: {first}" if first else type(error).__name__,
        "a Python file with classes of policies",
        "mend the file: it is imported when a policy is looked up",
    )
