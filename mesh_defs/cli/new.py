"""``mesh new``: a domain or a product that runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.arguments import name_of
from mesh_defs.cli.command import Command, Group
from mesh_defs.cli.output import console, text
from mesh_defs.errors import MeshError
from mesh_defs.settings import find_root

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

app = typer.Typer(
    cls=Group,
    help="Write a new domain or product that runs at once.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command(cls=Command)
def domain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The domain's name.")],
) -> None:
    """Write a domain's defs.yaml and its place in workspace.yaml.

    \b
    Example:
      mesh new domain loyalty
    """
    from mesh_defs.product.scaffold import scaffold_domain

    root = find_root()
    try:
        written = scaffold_domain(root, name_of(name, "NAME"))
    except MeshError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    _show(root, written)
    console().print(text(f"next: mesh new product {name}/NAME"))


@app.command(cls=Command)
def product(
    name: Annotated[str, typer.Argument(metavar="DOMAIN/NAME", help="The product's place.")],
) -> None:
    """Write a product's manifest, contract and query.

    They lie in domains/DOMAIN/NAME; the domain is written too if it is new.

    \b
    Example:
      mesh new product loyalty/members
    """
    from mesh_defs.product.scaffold import scaffold_product

    owner, slash, product_name = name.partition("/")
    if not slash:
        raise typer.BadParameter(
            f"'{name}' is not DOMAIN/NAME such as loyalty/members", param_hint="DOMAIN/NAME"
        )
    root = find_root()
    names = name_of(owner, "DOMAIN/NAME"), name_of(product_name, "DOMAIN/NAME")
    try:
        written = scaffold_product(root, *names)
    except MeshError as error:
        raise typer.BadParameter(str(error), param_hint="DOMAIN/NAME") from None
    _show(root, written)
    console().print(text(f"next: mesh run mesh://{name}"))


def _show(root: Path, written: Iterable[Path]) -> None:
    for file in written:
        console().print(text(f"wrote {file.relative_to(root)}"))
