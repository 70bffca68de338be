"""The file that an indicator was read from: what is refused is named by it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; of what is stored already the file is not known."""
    op.add_column("indicators", sa.Column("file", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("indicators", "file")
