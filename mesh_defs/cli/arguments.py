"""What people type after a command, turned into what the mesh knows; wrong use is exit code 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mesh_defs.errors import MeshError, UnknownAddress
from mesh_defs.settings import find_root
from mesh_defs.urls import NAME, NAME_RULE, is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.staging import Window
    from mesh_defs.urls import MeshUrl

_SHOWN_NAMES = 3


def product_url(text: str, *, columns: bool = False) -> MeshUrl:
    """The URL of a product or of one of its ports, or with ``columns`` of one of their columns;
    anything else is wrong use."""
    try:
        url = parse(text)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    column = url.column is not None and not columns
    if url.version is not None or url.as_of is not None or column:
        raise typer.BadParameter(
            f"'{text}' names data of a product; write {url.product_url()}", param_hint="URL"
        )
    return url


def version_url(text: str) -> MeshUrl:
    """The URL of a product or a port of it, perhaps of one version; a column is wrong use."""
    try:
        url = parse(text)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if url.column is not None:
        raise typer.BadParameter(
            f"'{text}' names a column; write {url.product_url()}", param_hint="URL"
        )
    return url


def product_of(mesh: Mesh, text: str) -> Product:
    """The sound product that ``text`` names; another major version than the one that its files
    declare is wrong use. Raises `InvalidMesh` for a broken one."""
    address = product_url(text)
    require_product(mesh.root, address)
    product = mesh.product(address)
    declared = product.manifest.major
    if address.major not in (None, declared):
        raise typer.BadParameter(
            f"'{text}' names major version {address.major}, and the files of {product.url} make "
            f"{declared} (version {product.manifest.version}); allowed: @{declared}, or none. "
            f"Fix: write {product.url}",
            param_hint="URL",
        )
    try:
        if address.port is not None:
            product.output(address.port)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    return product


def window_of(product: Product, text: str | None) -> Window | None:
    """``START`` or ``START:END``, days such as 2023-01-31; END is not part of the period."""
    if text is None:
        return None
    from mesh_defs.product.periods import product_window

    first, colon, last = text.partition(":")
    start = _day(first)
    end = _day(last) if colon else None
    if end is not None and end <= start:
        raise typer.BadParameter(f"'{last}' is not after '{first}'", param_hint="--partition")
    try:
        return product_window(product, start, end)
    except MeshError as error:
        raise typer.BadParameter(str(error), param_hint="--partition") from None


def _day(text: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is not a day; write START or START:END such as 2023-01-01:2023-02-01",
            param_hint="--partition",
        ) from None


def check_target(text: str | None) -> tuple[Path, str | None]:
    """The mesh's root, and the file or folder in it that ``text`` (a path or a URL) names."""
    if text is None:
        return find_root(), None
    if is_mesh_url(text):
        url = product_url(text)
        root = find_root()
        require_product(root, url)
        return root, f"domains/{url.identity}"
    path = Path(text).resolve()
    if not path.exists():
        raise typer.BadParameter(
            f"no file or folder '{text}'; write one, or a URL such as mesh://fleet/aircraft",
            param_hint="PATH/URL",
        )
    try:
        root = find_root(path if path.is_dir() else path.parent)
    except MeshError:
        root = find_root()
    if not path.is_relative_to(root):
        raise typer.BadParameter(f"'{text}' is not in the mesh '{root}'", param_hint="PATH/URL")
    only = str(path.relative_to(root))
    return root, None if only == "." else only


def require_product(root: Path, url: MeshUrl) -> None:
    """Wrong use, with the nearest names, when no folder below ``root`` has the product. It is for
    who works on the products' files; `require_known` is for who uses them."""
    if (root / "domains" / url.domain / url.product / "defs.yaml").is_file():
        return
    folders = [file.parent for file in (root / "domains").glob("*/*/defs.yaml")]
    known = [f"{folder.parent.name}/{folder.name}" for folder in folders]
    raise typer.BadParameter(_no_product(root, url, known), param_hint="URL")


def require_known(access: MeshAccess, url: MeshUrl) -> None:
    """Wrong use, in the same words, for a product that there is not and for one that the caller may
    not know of, with the nearest names of those that they may."""
    from mesh_defs.policy.access.principals import LOCAL, VARIABLE
    from mesh_defs.product.knowing import knows_product, seen_products

    caller = access.caller
    if knows_product(access, caller, url.identity):
        return
    who = f", or none that you may know of ({VARIABLE} says who looks, now {caller})"
    seen = seen_products(access, caller)
    text = _no_product(access.settings.root, url, seen, "" if caller == LOCAL else who)
    raise typer.BadParameter(text, param_hint="URL")


def require_port(access: MeshAccess, url: MeshUrl) -> None:
    """Wrong use, with those that the caller may know of, for another port than these."""
    from mesh_defs.product.knowing import known_ports

    ports = known_ports(access, access.caller, url.identity)
    if url.port in (None, *ports) or access.knows(access.caller, url):
        return
    if ports:
        raise typer.BadParameter(
            f"{url.product_url()} has no port '{url.port}'; it has {', '.join(ports)}",
            param_hint="URL",
        )


def _no_product(root: Path, url: MeshUrl, known: Sequence[str], who: str = "") -> str:
    from difflib import SequenceMatcher

    from mesh_defs.faults import did_you_mean, nearest

    wanted = f"mesh://{url.identity}"
    if not known:
        none = f"no product {wanted}: '{root}' has none yet{who}"
        return f"{none}. Fix: mesh new product DOMAIN/NAME"

    def likeness(identity: str) -> tuple[float, str]:
        """The greater of two: of the whole names, and of the products' own."""
        pairs = ((url.identity, identity), (url.product, identity.partition("/")[2]))
        return -max(SequenceMatcher(None, *pair).ratio() for pair in pairs), identity

    urls = [f"mesh://{identity}" for identity in sorted(known, key=likeness)[:_SHOWN_NAMES]]
    near = nearest(wanted, urls) is not None
    fix = did_you_mean(wanted, urls) if near else "write one of them; mesh status lists all"
    return f"no product {wanted} in '{root}'{who}; the nearest are {', '.join(urls)}. Fix: {fix}"


def name_of(text: str, hint: str) -> str:
    """A name of a domain or product."""
    if not NAME.match(text):
        raise typer.BadParameter(f"'{text}' is not a name: {NAME_RULE}", param_hint=hint)
    return text
