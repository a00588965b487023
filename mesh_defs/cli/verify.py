"""``mesh verify``: whether a version, and all that it was made of, still is what was signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, ForProfile, cell, console, print_json, text

if TYPE_CHECKING:
    from mesh_defs.discovery.trust.findings import Hashed, Verification

_MB = 1_000_000
app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def verify(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="The product's URL, ?version=N for an earlier version."),
    ],
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every file of the whole chain again.")
    ] = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Verify that a version still is what was signed.

    Its record, the log of its tables, its files, contracts and documents are held against its
    attestation; then the versions that it was made from, up to the operational systems. Without
    --deep their files are not read again: they have to be there, in the size that was signed. Exit
    code 1 when a link is broken; what is printed says which. Products that you may not know of are
    verified and not named; who looks is MESH_PRINCIPAL, or the profile's.

    \b
    Examples:
      mesh verify mesh://fleet/aircraft
      mesh verify "mesh://fleet/aircraft?version=0" --deep --json
    """
    from functools import lru_cache

    from mesh_defs.cli.arguments import require_known, require_port, version_url
    from mesh_defs.discovery.trust.verify import verify as verified
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.knowing import knows_product
    from mesh_defs.settings import find_root, load_settings

    address = version_url(url)
    settings = load_settings(find_root(), profile)
    access = MeshAccess(settings)
    require_known(access, address)
    require_port(access, address)
    knows = lru_cache(maxsize=None)(lambda each: knows_product(access, access.caller, each))
    try:
        out = console(stderr=True)
        with out.status("verifying") as status:

            def watch(done: Hashed) -> None:
                told = f"{done.bytes / _MB:,.0f} of {done.of / _MB:,.0f} MB"
                status.update(text(f"verifying {done.url}: {told}"))

            quiet = as_json or not out.is_terminal
            watched = None if quiet else watch
            found = verified(settings, address, deep=deep, watch=watched, knows=knows)
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)
    raise typer.Exit(0 if found.sound else 1)


def _show(found: Verification) -> None:
    out = console()
    hashed = sum(one.hashed for one in found.versions)
    files = sum(one.files for one in found.versions)
    head = f"{found.url}: {_count(len(found.versions) + found.hidden, 'version')} in its chain"
    if found.sound and found.whole:
        out.print(text(f"{head}, all as signed", "green"))
    elif found.sound:
        out.print(text(f"{head}, as signed as far as was read", "green"))
    else:
        out.print(text(f"{head}, and it is broken", "bold red"))
    for problem in found.problems:
        out.print(cell(f"  {problem.kind}: {problem.url}", "red"))
        out.print(cell(f"    {problem.text}"))
    more = "" if found.whole else "; --deep reads all"
    out.print(text(f"  {hashed:,} of {_count(files, 'file')} read again{more}"))
    if found.hidden:
        hidden = _count(found.hidden, "version")
        out.print(text(f"  {hidden} of products that you may not know of, not named here"))
    for source in found.sources:
        told = f", fingerprint {source.fingerprint}" if source.fingerprint else ""
        out.print(cell(f"  from {source.source}{told}, read by {source.read_by}"))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
