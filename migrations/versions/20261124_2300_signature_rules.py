"""Signature rules: their versions, what is switched on, what agents report, and matches."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column declared INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rule_texts",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_rule_texts")),
    )
    op.create_table(
        "rule_sets",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("rules", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_sets")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rule_activations",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule_set_id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_set_id"], ["rule_sets.id"], name=op.f("fk_rule_activations_rule_set_id_rule_sets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_activations")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rule_selections",
        sa.Column("id", ID, nullable=False),
        sa.Column("enable", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("pattern", sa.String(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("workload", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_selections")),
        sa.UniqueConstraint(
            "by", "pattern", "namespace", "workload",
            name=op.f("uq_rule_selections_by_pattern_namespace_workload"),
        ),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "node_engines",
        sa.Column("node_id", ID, nullable=False),
        sa.Column("ruleset", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("counters", sa.JSON(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_node_engines_node_id_nodes")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node_engines")),
    )
    op.create_table(
        "matches",
        sa.Column("id", ID, nullable=False),
        sa.Column("node_id", ID, nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("workload_id", ID, nullable=True),
        sa.Column("container_id", ID, nullable=True),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("finding_id", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_matches_node_id_nodes")),
        sa.ForeignKeyConstraint(
            ["workload_id"], ["workloads.id"], name=op.f("fk_matches_workload_id_workloads")
        ),
        sa.ForeignKeyConstraint(
            ["container_id"], ["containers.id"], name=op.f("fk_matches_container_id_containers")
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_matches_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
        sa.UniqueConstraint("finding_id", name=op.f("uq_matches_finding_id")),
        sa.UniqueConstraint(
            "node_id", "boot_id", "sequence",
            name=op.f("uq_matches_node_id_boot_id_sequence"),
        ),
        sqlite_autoincrement=True,
    )  # fmt: skip
    for name, columns, where in (
        ("ix_matches_pending", ["id"], "outcome IS NULL"),
        ("ix_matches_waiting", ["id"], "outcome = 'waiting'"),
        ("ix_matches_samples", ["alert_id", "id"], "payload IS NOT NULL"),
    ):
        op.create_index(name, "matches", columns, sqlite_where=sa.text(where))
    op.create_index("ix_matches_workload_id_time_ns", "matches", ["workload_id", "time_ns"])
    op.create_index("ix_matches_container_id_time_ns", "matches", ["container_id", "time_ns"])
    op.create_index("ix_matches_received_at", "matches", ["received_at"])

    op.add_column("scores", sa.Column("matches", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_scores_container_id_start", "scores", ["container_id", "start"])
    op.add_column("alerts", sa.Column("rule", sa.String(), nullable=True))
    op.add_column("alerts", sa.Column("level", sa.String(), nullable=True))
    op.add_column("alerts", sa.Column("first_match_id", sa.BigInteger(), nullable=True))
    op.add_column("alerts", sa.Column("last_match_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_alerts_workload_id_rule_id", "alerts", ["workload_id", "rule", "id"])


def downgrade() -> None:
    op.drop_table("matches")
    op.execute("DELETE FROM alerts WHERE kind = 'signature'")
    op.drop_index("ix_alerts_workload_id_rule_id", "alerts")
    for column in ("last_match_id", "first_match_id", "level", "rule"):
        op.drop_column("alerts", column)
    op.drop_index("ix_scores_container_id_start", "scores")
    op.drop_column("scores", "matches")
    for table in ("node_engines", "rule_selections", "rule_activations", "rule_sets", "rule_texts"):
        op.drop_table(table)
