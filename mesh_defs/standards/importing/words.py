"""Names and versions of others' documents, as a mesh has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.names import wrong_name
from mesh_defs.product.manifest import OWNER, SEMVER

if TYPE_CHECKING:
    from mesh_defs.names import Named
    from mesh_defs.standards.importing.odps_model import DataProduct

_OTHERS = re.compile(r"[^a-z0-9]+")
_NUMBERS = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
_LONGEST = 60


def name_of(what: Named, text: str) -> str:
    """``text`` as the name of a ``what``: lower case letters, digits and underscores."""
    plain = _OTHERS.sub("_", text.lower()).strip("_")[:_LONGEST].strip("_")
    if not plain or not plain[0].isalpha():
        plain = f"{what}_{plain}".rstrip("_")
    return f"{plain}_data" if wrong_name(what, plain) is not None else plain


def version_of(text: str | None) -> str | None:
    """A semantic version that ``text`` means (``v1.2`` is 1.2.0); None when it means none."""
    if text is not None and SEMVER.match(text):
        return text
    match = _NUMBERS.fullmatch(text or "")
    return ".".join(str(int(part or 0)) for part in match.groups()) if match else None


def owner_of(product: DataProduct) -> str | None:
    """Whom the document names as reachable: its owner, somebody of its team, its support."""
    members = sorted(product.team.members, key=lambda each: (each.role or "").lower() != "owner")
    named = [each.username for each in members if each.dateOut is None]
    named += [each.url.removeprefix("mailto:") for each in product.support]
    found = next((each for each in named if OWNER.match(each)), None)
    if found is None and product.team.name:
        return f"team:{name_of('product', product.team.name)}"
    return found
