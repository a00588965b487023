"""The tables of the gateway's state, as the newest migration leaves them.

Every name starts with ``mesh_``, since a PostgreSQL database may be shared with others.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

VERSION_TABLE = "mesh_state_version"


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC; in SQLite as text without a zone, which sorts as times do."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time as the database takes it. Raises `ValueError` for one without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """The time as it was given, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

# One row: its number changes with every change of who may do what; who writes holds it locked.
counter = Table(
    "mesh_counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

requests = Table(
    "mesh_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asked_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("principal", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("port", Text, nullable=False),
    Column("major", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("days", Integer, nullable=False),
    Column("role", Text),
    Column("message", Text),
    Column("state", Text, nullable=False),
    Column("decided_at", UtcTime),
    Column("decided_by", Text),
    Column("reason", Text),
    Column("grant_id", Text),
    Index("mesh_requests_by_state", "state", "identity"),
    Index("mesh_requests_by_principal", "principal", "state"),
)

grants = Table(
    "mesh_grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request_id", Text, ForeignKey("mesh_requests.id"), nullable=False),
    Column("principal", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("port", Text, nullable=False),
    Column("major", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("role", Text),
    Column("starts_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("rule", Text),
    Column("contract_version", Text),
    Column("licence", Text),
    Column("limitations", Text),
    Column("revoked_at", UtcTime),
    Column("revoked_by", Text),
    Column("revoked_because", Text),
    Index("mesh_grants_by_holder", "principal", "identity", "port"),
    Index("mesh_grants_by_port", "identity", "port", "until"),
)

tokens = Table(
    "mesh_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("domain", Text),
    Column("digest", Text, nullable=False),
    Column("urls", JSON, nullable=False),
    Column("actions", JSON, nullable=False),
    Column("purpose", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("parent", Text),
    Column("parent_id", Text, ForeignKey("mesh_tokens.id")),
    Column("grant_id", Text, ForeignKey("mesh_grants.id")),
    Column("revoked_at", UtcTime),
    Column("revoked_by", Text),
    Column("revoked_because", Text),
    Index("mesh_tokens_by_name", "name", "kind"),
    Index("mesh_tokens_by_expiry", "kind", "expires_at"),
)

# Rows are only ever added. The columns behind ``hash`` repeat what stands in ``body``, for queries.
receipts = Table(
    "mesh_receipts",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("body", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("identity", Text, nullable=False),
    Column("port", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Index("mesh_receipts_by_product", "identity", "time"),
    Index("mesh_receipts_by_receipt", "receipt"),
)

# One row: where the chain of receipts ends; who appends holds it locked.
chain = Table(
    "mesh_chain",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("mac", Text, nullable=False),
    Column("key", Text, nullable=False),
)

outbox = Table(
    "mesh_outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("event", JSON, nullable=False),
    Column("recipient", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("delivered_at", UtcTime),
    Column("problem", Text),
    Index("mesh_outbox_by_due", "done", "next_at"),
)

feedback = Table(
    "mesh_feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("version", BigInteger),
    Column("principal", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("stars", Integer),
    Column("text", Text),
    Column("state", Text, nullable=False),
    Column("settled_by", Text),
    Index("mesh_feedback_by_product", "identity", "kind", "changed_at"),
    Index("mesh_feedback_by_principal", "principal", "created_at"),
)
# A principal rates a product once, and may change that.
Index(
    "mesh_feedback_one_rating",
    feedback.c.identity,
    feedback.c.principal,
    unique=True,
    sqlite_where=feedback.c.kind == "rating",
    postgresql_where=feedback.c.kind == "rating",
)

answers = Table(
    "mesh_feedback_answers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("feedback_id", Text, ForeignKey("mesh_feedback.id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("principal", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("mesh_feedback_answers_by_feedback", "feedback_id", "at"),
)
