"""``mesh status``: how each product stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.arguments import product_url
from mesh_defs.cli.command import Command
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    age,
    coloured,
    console,
    print_json,
    show_table,
    table,
    tally_text,
    text,
)
from mesh_defs.errors import UnknownAddress

if TYPE_CHECKING:
    from mesh_defs.product.status import ProductDetails, ProductStatus

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_SHOWN_HISTORY = 10


@app.command(cls=Command)
def status(
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="mesh://<domain>/<product>: show it in full."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what each product has published, how old it is, under which verdicts, and what broke.

    \b
    Examples:
      mesh status
      mesh status mesh://fleet/aircraft
      mesh status --json
    """
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.status import mesh_status, product_details

    mesh = load_mesh(profile=profile)
    if url is None:
        found = mesh_status(mesh)
        if as_json:
            print_json({"mesh": mesh.settings.name, "products": [s.as_dict() for s in found]})
        else:
            _show_all(found)
        return
    try:
        details = product_details(mesh, product_url(url))
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    if as_json:
        print_json(details.as_dict())
    else:
        _show_details(details)


def _show_all(products: list[ProductStatus]) -> None:
    out = console()
    if not products:
        out.print(text("no products yet; make one with: mesh new product DOMAIN/NAME"))
        return
    columns = ("product", "state", "version", "published", "rows", "verdicts", "last run")
    made = table(columns, right=("version", "rows"))
    for product in products:
        record, attempt = product.record, product.attempt
        made.add_row(
            text(product.identity),
            coloured(product.state),
            text("-" if record is None else record.version),
            text("-" if record is None else age(record.time)),
            text("-" if product.rows is None else f"{product.rows:,}"),
            tally_text(product.tally),
            coloured(attempt.result if attempt else "-"),
        )
    show_table(made)
    for product in products:
        if product.problem is not None:
            out.print(text(f"mesh://{product.identity}", "bold red"))
            for line in product.problem.splitlines():
                out.print(text(f"  {line}"))


def _show_details(details: ProductDetails) -> None:
    out, found = console(), details.status
    out.print(text(f"mesh://{found.identity}", "bold"), coloured(found.state))
    if details.product is not None:
        manifest = details.product.manifest
        for word in ("purpose", "owner", "archetype", "version", "status"):
            out.print(text(f"  {word:<10} {getattr(manifest, word)}"))
    if found.problem is not None:
        out.print(text("what broke", "bold red"))
        for line in found.problem.splitlines():
            out.print(text(f"  {line}"))
    for fault in found.faults[1:]:
        out.print(text(f"  {fault}"))
    if found.record is None:
        hint = f"it was never published; publish it with: mesh run mesh://{found.identity}"
        out.print(text(hint, "yellow"))
        return
    _show_published(details)


def _show_published(details: ProductDetails) -> None:
    from mesh_defs.cli.verdicts import verdict_table

    out, record = console(), details.status.record
    assert record is not None  # noqa: S101  the caller has looked
    out.print(text(f"version {record.version}, {age(record.time)} ({record.published_at})", "bold"))
    ports = table(("port", "rows", "added", "bytes", "contract", "speaks of"), ("rows", "added"))
    for name, port in record.ports.items():
        span = f"{port.actual_from} to {port.actual_to}" if port.actual_from else "-"
        contract = f"{port.contract_id} {port.contract_version}"
        cells = (name, f"{port.rows:,}", f"{port.added_rows:,}", f"{port.bytes:,}", contract, span)
        ports.add_row(*(text(cell) for cell in cells))
    show_table(ports)
    inputs = table(("input", "from", "version read"))
    for name, read in record.inputs.items():
        version = read.version if read.version is not None else f"fingerprint {read.fingerprint}"
        inputs.add_row(text(name), text(read.source), text(version))
    if record.inputs:
        show_table(inputs)
    show_table(verdict_table(details.verdicts))
    history = table(("version", "published", "rows", "verdicts", "run"), ("version", "rows"))
    for old in details.history[:_SHOWN_HISTORY]:
        rows = sum(port.rows for port in old.ports.values())
        history.add_row(
            text(old.version),
            text(_short_time(old.published_at)),
            text(f"{rows:,}"),
            tally_text(old.tally),
            text(old.run_id),
        )
    show_table(history)
    if len(details.history) > _SHOWN_HISTORY:
        out.print(text(f"{len(details.history)} versions in all; --json shows every one"))


def _short_time(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC"
