"""Wishes to publish that wait for a second person, and the sightings that members sent."""

import sqlalchemy as sa
from alembic import op
from sekisho_core.database import Utc

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "publish_consents",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("tlp", sa.String(16), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "received_sightings",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("member", sa.String(64), primary_key=True),
        sa.Column("indicator", sa.String(160), nullable=False),
        sa.Column("modified", Utc, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("false_positive", sa.Boolean, nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("received_sightings_indicator", "received_sightings", ["indicator"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("received_sightings")
    op.drop_table("publish_consents")
