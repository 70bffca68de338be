"""What a source says of an indicator beside its pattern: when it was seen, how it may be used, what threat it is of."""

import sqlalchemy as sa
from alembic import op
from sekisho_core.database import Utc

revision = "0005"
down_revision = "0004"

_TIMES = ("created", "first_seen", "last_seen")


def upgrade() -> None:
    """Add the columns; of what is stored already nothing of it is known."""
    for name in _TIMES:
        op.add_column("indicators", sa.Column(name, Utc))
    op.add_column("indicators", sa.Column("to_ids", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("indicators", sa.Column("pap", sa.String(16), nullable=False, server_default=""))
    op.add_column("indicators", sa.Column("threat_name", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    for name in (*_TIMES, "to_ids", "pap", "threat_name"):
        op.drop_column("indicators", name)
