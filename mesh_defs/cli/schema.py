"""``mesh schema``: JSON Schemas for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import console, print_json, text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write them to schemas/ of the mesh instead.")
    ] = False,
) -> None:
    """Print the JSON Schemas of manifests, profiles and documents.

    They are of defs.yaml (a product's and a domain's), mesh.yaml, principals.yaml, and of what
    products tell of themselves. Editors complete and check a file whose first line names its
    schema, as mesh new writes it. --write writes the Cedar schema of access rules beside them.

    \b
    Examples:
      mesh schema
      mesh schema --write
    """
    from mesh_defs.product.schema import schemas, write_schemas
    from mesh_defs.settings import find_root

    if not write:
        print_json(schemas())
        return
    root = find_root()
    changed = write_schemas(root)
    for file in changed:
        console().print(text(f"wrote {file.relative_to(root)}"))
    if not changed:
        console().print(text("schemas/ is up to date"))
