"""Earlier versions of indicators, the revisions that replaced them, and what our guard says of an indicator."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sekisho_core.database import Utc

revision = "0007"
down_revision = "0006"


def _statement() -> list[sa.Column[Any]]:
    texts = ("name", "description", "pattern", "pattern_type", "reference", "document", "reason", "file", "threat_name")
    times = ("valid_from", "valid_until", "created", "first_seen", "last_seen", "observe_until")
    return [
        *(sa.Column(name, sa.Text, nullable=False) for name in (*texts, "guard")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("tlp", "severity", "state", "pap")),
        sa.Column("action_cap", sa.String(16)),
        *(sa.Column(name, Utc) for name in times),
        *(sa.Column(name, Utc, nullable=False) for name in ("modified", "imported_at")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("revoked", "to_ids")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("confidence", "revision")),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("meaning", sa.String(36), nullable=False),
    ]


def upgrade() -> None:
    """Add columns and tables; what is stored already is of revision 0."""
    op.add_column("indicators", sa.Column("guard", sa.Text, nullable=False, server_default=""))
    op.add_column("indicators", sa.Column("action_cap", sa.String(16)))
    op.add_column("indicators", sa.Column("observe_until", Utc))
    op.add_column("indicators", sa.Column("meaning", sa.String(36), nullable=False, server_default=""))
    op.add_column("indicators", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.create_index("indicators_meaning", "indicators", ["meaning"])
    op.create_index("indicators_revision", "indicators", ["revision"])
    op.create_table(
        "indicator_history",
        sa.Column("source", sa.String(255), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("until", sa.Integer, primary_key=True, autoincrement=False),
        *_statement(),
    )
    op.create_index("indicator_history_until", "indicator_history", ["until"])
    op.create_table(
        "revisions",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("serial", sa.Integer),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("revisions")
    op.drop_table("indicator_history")
    op.drop_index("indicators_revision", "indicators")
    op.drop_index("indicators_meaning", "indicators")
    for name in ("guard", "action_cap", "observe_until", "meaning", "revision"):
        op.drop_column("indicators", name)
