"""The quarantine: passages, recipients, releases, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    _passages()
    _recipients()
    _releases()
    _audit()


def downgrade() -> None:
    """Drop them with all they hold."""
    for table in ("audit", "releases", "recipients", "passages"):
        op.drop_table(table)


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("last_at", sa.DateTime, nullable=False),
        *(_text(name) for name in ("queue_id", "client_ip", "mail_from", "header_from")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("direction", "action", "mode", "state")),
        *(_text(name) for name in ("subject_raw", "subject_decoded", "subject_normalised")),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("envelope", "reading", "verdict")),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("retries", sa.Integer, nullable=False),
        sa.Column("body_gone_at", sa.DateTime),
    )
    op.create_index("passages_received_at", "passages", ["received_at"])
    op.create_index("passages_sha256", "passages", ["sha256"])


def _recipients() -> None:
    op.create_table(
        "recipients",
        _passage(),
        sa.Column("position", sa.Integer, primary_key=True),
        _text("address"),
        sa.Column("action", sa.String(16), nullable=False),
        _text("policy"),
        sa.Column("state", sa.String(16), nullable=False),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        _passage(),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claim", sa.String(26), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("who"),
        _text("why"),
        sa.Column("requested_at", sa.DateTime, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        _text("reply"),
    )
    op.create_index("releases_state", "releases", ["state"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        *(_text(name) for name in ("who", "what", "subject", "why", "detail")),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("audit_subject", "audit", ["subject"])


def _passage() -> sa.Column[str]:
    return sa.Column("passage_id", sa.String(26), sa.ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
