"""Requests, grants, tokens, the chain of receipts, and the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    from datetime import datetime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ZEROS = "0" * 64


def upgrade() -> None:
    """Make everything."""
    _counter()
    _requests()
    _grants()
    _tokens()
    _receipts()
    _outbox()
    if op.get_bind().dialect.name == "sqlite":
        _append_only_sqlite()
    else:
        _append_only_postgres()


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=optional)


def _time(name: str, *, optional: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, _TIME, nullable=optional)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, primary_key=True)


def _counter() -> None:
    made = op.create_table(
        "mesh_counter",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(made, [{"name": "access", "value": 0}])


def _requests() -> None:
    op.create_table(
        "mesh_requests",
        _id(),
        _time("asked_at"),
        _time("expires_at"),
        _text("principal"),
        _text("identity"),
        _text("port"),
        sa.Column("major", sa.Integer, nullable=False),
        _text("purpose"),
        sa.Column("days", sa.Integer, nullable=False),
        _text("role", optional=True),
        _text("message", optional=True),
        _text("state"),
        _time("decided_at", optional=True),
        _text("decided_by", optional=True),
        _text("reason", optional=True),
        _text("grant_id", optional=True),
    )
    op.create_index("mesh_requests_by_state", "mesh_requests", ["state", "identity"])
    op.create_index("mesh_requests_by_principal", "mesh_requests", ["principal", "state"])


def _grants() -> None:
    op.create_table(
        "mesh_grants",
        _id(),
        sa.Column("request_id", sa.Text, sa.ForeignKey("mesh_requests.id"), nullable=False),
        _text("principal"),
        _text("identity"),
        _text("port"),
        sa.Column("major", sa.Integer, nullable=False),
        _text("purpose"),
        _text("role", optional=True),
        _time("starts_at"),
        _time("until"),
        _text("approved_by"),
        _text("rule", optional=True),
        _text("contract_version", optional=True),
        _text("licence", optional=True),
        _text("limitations", optional=True),
        *_revoked(),
    )
    op.create_index("mesh_grants_by_holder", "mesh_grants", ["principal", "identity", "port"])
    op.create_index("mesh_grants_by_port", "mesh_grants", ["identity", "port", "until"])


def _revoked() -> tuple[sa.Column[datetime], sa.Column[str], sa.Column[str]]:
    return (
        _time("revoked_at", optional=True),
        _text("revoked_by", optional=True),
        _text("revoked_because", optional=True),
    )


def _tokens() -> None:
    op.create_table(
        "mesh_tokens",
        _id(),
        _text("kind"),
        _text("name"),
        _text("principal"),
        sa.Column("roles", sa.JSON, nullable=False),
        _text("domain", optional=True),
        _text("digest"),
        sa.Column("urls", sa.JSON, nullable=False),
        sa.Column("actions", sa.JSON, nullable=False),
        _text("purpose", optional=True),
        _time("created_at"),
        _text("created_by"),
        _time("expires_at"),
        _text("parent", optional=True),
        sa.Column("parent_id", sa.Text, sa.ForeignKey("mesh_tokens.id"), nullable=True),
        sa.Column("grant_id", sa.Text, sa.ForeignKey("mesh_grants.id"), nullable=True),
        *_revoked(),
    )
    op.create_index("mesh_tokens_by_name", "mesh_tokens", ["name", "kind"])
    op.create_index("mesh_tokens_by_expiry", "mesh_tokens", ["kind", "expires_at"])


def _receipts() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "mesh_receipts",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        _text("body"),
        _text("previous"),
        _text("hash"),
        _text("receipt"),
        _text("event"),
        _time("time"),
        _text("identity"),
        _text("port"),
        _text("principal"),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )
    op.create_index("mesh_receipts_by_product", "mesh_receipts", ["identity", "time"])
    op.create_index("mesh_receipts_by_receipt", "mesh_receipts", ["receipt"])
    made = op.create_table(
        "mesh_chain",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        _text("hash"),
        _text("mac"),
        _text("key"),
    )
    op.bulk_insert(made, [{"id": 1, "seq": 0, "hash": _ZEROS, "mac": "", "key": ""}])


def _outbox() -> None:
    op.create_table(
        "mesh_outbox",
        _id(),
        _text("channel"),
        sa.Column("event", sa.JSON, nullable=False),
        _text("recipient", optional=True),
        _time("created_at"),
        _time("next_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        _time("delivered_at", optional=True),
        _text("problem", optional=True),
    )
    op.create_index("mesh_outbox_by_due", "mesh_outbox", ["done", "next_at"])


def _append_only_sqlite() -> None:
    # INSERT OR REPLACE removes a row without a word to the trigger of DELETE, so that an insertion
    # in the place of a row is refused as well.
    taken = "WHEN EXISTS (SELECT 1 FROM mesh_receipts WHERE seq = NEW.seq)"
    for name, when in (
        ("update", "BEFORE UPDATE ON mesh_receipts"),
        ("delete", "BEFORE DELETE ON mesh_receipts"),
        ("replace", f"BEFORE INSERT ON mesh_receipts {taken}"),
    ):
        op.execute(
            f"CREATE TRIGGER mesh_receipts_no_{name} {when} "
            "BEGIN SELECT RAISE(ABORT, 'receipts are only ever added'); END"
        )


def _append_only_postgres() -> None:
    op.execute(
        "CREATE FUNCTION mesh_receipts_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'receipts are only ever added'; END $$"
    )
    op.execute(
        "CREATE TRIGGER mesh_receipts_no_change BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON mesh_receipts FOR EACH STATEMENT EXECUTE FUNCTION mesh_receipts_refuse()"
    )
