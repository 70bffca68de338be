"""Pairing: locked mails that wait for their password, and passwords that wait for their mail, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "waits",
        sa.Column("passage_id", sa.String(26), sa.ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("otherwise", sa.String(16), nullable=False),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_index("waits_state", "waits", ["state"])
    op.create_table(
        "passwords",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("passwords_at", "passwords", ["at"])
    op.create_index("passwords_origin", "passwords", ["origin"])
    op.create_table(
        "password_links",
        sa.Column("password_id", sa.String(32), sa.ForeignKey("passwords.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("mark", sa.String(32), primary_key=True),
    )
    op.create_index("password_links_mark", "password_links", ["mark"])


def downgrade() -> None:
    """Drop them with all they hold."""
    for table in ("password_links", "passwords", "waits"):
        op.drop_table(table)
