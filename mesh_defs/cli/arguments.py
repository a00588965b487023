"""What people type after a command, turned into what the mesh knows; wrong use is exit code 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mesh_defs.errors import MeshError, UnknownAddress
from mesh_defs.settings import find_root
from mesh_defs.urls import NAME, NAME_RULE, is_mesh_url, parse

if TYPE_CHECKING:
    from datetime import date

    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.staging import Window
    from mesh_defs.urls import MeshUrl


def product_url(text: str) -> MeshUrl:
    """The URL of a product or of one of its ports; anything else is wrong use."""
    try:
        url = parse(text)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if url.version is not None or url.as_of is not None or url.column is not None:
        raise typer.BadParameter(
            f"'{text}' names data of a product; write {url.product_url()}", param_hint="URL"
        )
    return url


def product_of(mesh: Mesh, text: str) -> Product:
    """The sound product that ``text`` names. Raises `InvalidMesh` for a broken one."""
    address = product_url(text)
    try:
        product = mesh.product(address)
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
        folder = root / "domains" / url.domain / url.product
        if not folder.is_dir():
            raise typer.BadParameter(_no_product(root, url), param_hint="PATH/URL")
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


def _no_product(root: Path, url: MeshUrl) -> str:
    from mesh_defs.faults import did_you_mean

    folders = sorted((root / "domains").glob("*/*/defs.yaml"))
    known = [f"mesh://{f.parent.parent.name}/{f.parent.name}" for f in folders]
    return f"no product {url} in '{root}'. Fix: {did_you_mean(str(url), known)}"


def name_of(text: str, hint: str) -> str:
    """A name of a domain or product."""
    if not NAME.match(text):
        raise typer.BadParameter(f"'{text}' is not a name: {NAME_RULE}", param_hint=hint)
    return text
