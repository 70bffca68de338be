"""What goes out: the published set, the outbox of sightings, and the analysts' judgements that sightings come from."""

import sqlalchemy as sa
from alembic import op
from sekisho_core.database import Utc

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    _published()
    _outbox()
    _judgements()


def downgrade() -> None:
    """Drop them with all they hold."""
    for table in ("judgements", "outbox", "published"):
        op.drop_table(table)


def _published() -> None:
    op.create_table(
        "published",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("version", Utc, primary_key=True),
        sa.Column("added", Utc, nullable=False, unique=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("tlp", sa.String(16), nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("subject", sa.String(160), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", Utc, nullable=False),
        sa.Column("next_try", Utc, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claim", sa.String(26), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.UniqueConstraint("feed", "subject", name="outbox_feed_subject"),
    )
    op.create_index("outbox_due", "outbox", ["state", "next_try"])


def _judgements() -> None:
    passage = sa.ForeignKey("passages.id", ondelete="CASCADE")
    op.create_table(
        "judgements",
        sa.Column("passage_id", sa.String(26), passage, primary_key=True),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
