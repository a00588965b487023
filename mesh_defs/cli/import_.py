"""``mesh import``: drafted products of ODPS and ODCS documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, cell, console, print_json

if TYPE_CHECKING:
    from mesh_defs.standards.importing.bring import Imported

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def import_(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A document, or a folder of documents.")
    ],
    domain: Annotated[
        str | None,
        typer.Option("--domain", metavar="NAME", help="Into this domain (default: as they say)."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Draft products of ODPS and ODCS documents.

    Each product is written to domains/<domain>/<product>/, with status draft: its manifest, its
    contracts and, for each port, a query that makes no row yet. What cannot be carried over is
    told. Nothing is overwritten, and if any document has a fault nothing is written. Exit code 1
    when mesh check finds something in a draft that only a person can mend.

    \b
    Examples:
      mesh import exported --domain copies
      mesh import exported/fleet/aircraft.aircraft.odcs.yaml --domain drafts --json
    """
    from mesh_defs.cli.arguments import name_of
    from mesh_defs.settings import find_root
    from mesh_defs.standards.importing.bring import import_documents

    if not path.exists():
        raise typer.BadParameter(f"no file or folder '{path}'", param_hint="PATH")
    wanted = name_of(domain, "--domain") if domain is not None else None
    root = find_root()
    done = import_documents(root, path.resolve(), wanted, profile)
    if as_json:
        print_json(_as_dict(done, root))
    else:
        _show(done, root)
    raise typer.Exit(1 if done.faults else 0)


def _as_dict(done: Imported, root: Path) -> dict[str, object]:
    return {
        "products": [
            {"product": f"mesh://{draft.identity}", "told": draft.told} for draft in done.drafts
        ],
        "files": [str(file.relative_to(root)) for file in done.files],
        "faults": [fault.as_dict() for fault in done.faults],
        "passed_over": done.passed_over,
    }


def _show(done: Imported, root: Path) -> None:
    from mesh_defs.cli.check import show_fault

    out = console()
    for draft in done.drafts:
        out.print(cell(f"drafted mesh://{draft.identity}", "bold"))
        for each in draft.told:
            out.print(cell(f"  {each}", "yellow"))
    for file in done.files:
        out.print(cell(f"wrote {file.relative_to(root)}"))
    for name in done.passed_over:
        out.print(cell(f"passed over {name}: neither ODPS nor ODCS", "yellow"))
    for fault in done.faults:
        show_fault(fault)
    out.print(cell("next: write the queries, then: mesh check"))
