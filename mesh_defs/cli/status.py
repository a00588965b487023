"""``mesh status``: how each product stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.arguments import product_url, require_product
from mesh_defs.cli.command import Command
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    age,
    coloured,
    console,
    passed_text,
    print_json,
    show_table,
    table,
    text,
)
from mesh_defs.cli.verdicts import show_verdicts

if TYPE_CHECKING:
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.status import ProductDetails, ProductStatus
    from mesh_defs.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_SHOWN_HISTORY = 10
_WORDS = {"failed": "refused"}


@app.command(cls=Command)
def status(
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="mesh://<domain>/<product>: show it in full."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With a URL: show the verdicts that passed, too.")
    ] = False,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Show what each product has published, and what broke.

    Version, age, rows and verdicts are those of what readers see now. The state refused says that
    the last run was kept from being published; the reasons follow.

    \b
    Examples:
      mesh status
      mesh status mesh://fleet/aircraft --all
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
            _show_requests(mesh.settings)
        return
    address = product_url(url)
    require_product(mesh.root, address)
    details = product_details(mesh, address)
    if as_json:
        print_json(details.as_dict())
    else:
        _show_details(details, every=every)


def _show_all(products: list[ProductStatus]) -> None:
    out = console()
    if not products:
        out.print(text("no products yet; make one with: mesh new product DOMAIN/NAME"))
        return
    columns = ("product", "state", "version", "age", "rows", "passed")
    made = table(columns, right=("version", "age", "rows", "passed"))
    for product in products:
        record = product.record
        made.add_row(
            text(product.identity),
            coloured(_state(product)),
            text("none" if record is None else record.version),
            text("-" if record is None else age(record.time)),
            text("-" if product.rows is None else f"{product.rows:,}"),
            passed_text(product.tally),
        )
    show_table(made)
    for product in products:
        if product.problem is not None:
            out.print(text(f"mesh://{product.identity}", "bold red"))
            for line in product.problem.splitlines():
                out.print(text(f"  {line}"))
    if any(product.record is None for product in products):
        out.print(text("what has no version yet is published with: mesh run URL, or mesh up"))


def _show_requests(settings: Settings) -> None:
    """How many ask for access, so that who looks at the products hears of it."""
    from mesh_defs.errors import MeshError
    from mesh_defs.gateway.state.database import requests_waiting

    try:
        waiting = requests_waiting(settings, datetime.now(UTC))
    except MeshError as error:
        console().print(text(f"requests for access cannot be read: {error}", "yellow"))
        return
    if waiting:
        many = "request for access waits" if waiting == 1 else "requests for access wait"
        console().print(text(f"{waiting} {many}: mesh requests", "yellow"))


def _state(found: ProductStatus) -> str:
    """In one word how a product stands; ``refused``, ``error`` and ``killed`` speak of its last
    run, while the version before it stays published."""
    if found.state == "broken":
        return "broken"
    if found.attempt is not None and (found.last_run_broke or found.attempt.result == "running"):
        return _WORDS.get(found.attempt.result, found.attempt.result)
    return "published" if found.record is not None else "new"


def _show_details(details: ProductDetails, *, every: bool) -> None:
    out, found = console(), details.status
    out.print(text(f"mesh://{found.identity}", "bold"), coloured(_state(found)))
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
    _show_published(found.record)
    show_verdicts(details.verdicts, every=every)
    _show_history(details)


def _show_published(record: Record) -> None:
    out = console()
    when = f"{_short_time(record.published_at)} UTC"
    line = f"version {record.version}, {age(record.time)} ago ({when}), by run {record.run_id}"
    out.print(text(line, "bold"))
    for name, port in record.ports.items():
        out.print(text(f"port {name}"))
        out.print(text(f"  rows       {port.rows:,}, {port.added_rows:,} of them added"))
        out.print(text(f"  bytes      {port.bytes:,}"))
        out.print(text(f"  contract   {port.contract_id} {port.contract_version}"))
        if port.actual_from:
            out.print(text(f"  speaks of  {port.actual_from} to {port.actual_to}"))
    for name, read in record.inputs.items():
        version = f"version {read.version}" if read.version is not None else read.fingerprint
        out.print(text(f"input {name}: {read.source} {version or ''}".rstrip()))


def _show_history(details: ProductDetails) -> None:
    made = table(
        ("version", "published (UTC)", "product", "rows", "passed"),
        right=("version", "rows", "passed"),
    )
    for old in details.history[:_SHOWN_HISTORY]:
        rows = sum(port.rows for port in old.ports.values())
        made.add_row(
            text(old.version),
            text(_short_time(old.published_at)),
            text(old.product_version),
            text(f"{rows:,}"),
            passed_text(old.tally),
        )
    console().print(text("history", "bold"))
    show_table(made)
    if len(details.history) > _SHOWN_HISTORY:
        console().print(text(f"{len(details.history)} versions in all; --json shows every one"))


def _short_time(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S}"
