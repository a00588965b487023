"""What people say of products: ratings, questions with their answers, and problems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "mesh_feedback",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("stars", sa.Integer, nullable=True),
        sa.Column("text", sa.Text, nullable=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settled_by", sa.Text, nullable=True),
    )
    op.create_index("mesh_feedback_by_product", "mesh_feedback", ["identity", "kind", "changed_at"])
    op.create_index("mesh_feedback_by_principal", "mesh_feedback", ["principal", "created_at"])
    op.create_index(
        "mesh_feedback_one_rating",
        "mesh_feedback",
        ["identity", "principal"],
        unique=True,
        sqlite_where=sa.text("kind = 'rating'"),
        postgresql_where=sa.text("kind = 'rating'"),
    )
    op.create_table(
        "mesh_feedback_answers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("feedback_id", sa.Text, sa.ForeignKey("mesh_feedback.id"), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index(
        "mesh_feedback_answers_by_feedback", "mesh_feedback_answers", ["feedback_id", "at"]
    )
