"""The indicators with their provenance."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "indicators",
        sa.Column("source", sa.String(255), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        *(_text(name) for name in ("name", "description", "pattern", "pattern_type")),
        sa.Column("tlp", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Integer, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("valid_from", sa.DateTime),
        sa.Column("valid_until", sa.DateTime),
        sa.Column("modified", sa.DateTime, nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        *(_text(name) for name in ("reference", "document", "reason")),
        sa.Column("imported_at", sa.DateTime, nullable=False),
    )
    op.create_index("indicators_id", "indicators", ["id"])


def downgrade() -> None:
    """Drop it with all it holds."""
    op.drop_table("indicators")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
