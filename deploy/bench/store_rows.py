"""Fills a database with alerts and scores as the worker writes them, by statements that make rows."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from wire.match import Priority, SignatureMatch, encode_match
from wire.profile import ContainerRef

NODES, NAMESPACES, WORKLOADS, RULES = 100, 20, 500, 40
REPLICAS = 4
"""Containers of a workload, each on a node of its own."""
TEAMS = 7
"""To whom alerts are assigned, as far as they are."""
TECHNIQUES = ("T1059", "T1059.004", "T1611", "T1552.001", "T1070")
_FILLED = ("inbox", "scores", "alerts", "alert_changes", "findings", "matches")
DAYS = 28
_DAY_MS = 86_400_000
_NODES_OF_ALERTS = (
    (
        "INSERT INTO alert_nodes (node_id, alert_id) SELECT DISTINCT c.node_id, f.alert_id FROM findings f "
        "JOIN scores s ON s.id = f.score_id JOIN containers c ON c.id = s.container_id"
    ),
    (
        "INSERT INTO alert_nodes (node_id, alert_id) SELECT node_id, alert_id FROM matches "
        "ON CONFLICT DO NOTHING"
    ),
)
_LEVELS = ("informational", "low", "medium", "high", "critical")
_CONTRIBUTIONS = [
    {
        "ngram": 3382103142040578 + each,
        "count": 53,
        "bits": 7.25,
        "baseline_count": 2022,
        "baseline_rank": 3,
        "nearest": ["open", "close", "stat", "fstat", "read", "write"],
        "known_ending": 6,
    }
    for each in range(3)
]
_VIEWS = [
    {"view": each, "bits": 0.0, "p_value": 0.638}
    for each in ("calls", "pairs", "triples", "sequences", "mix")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows."""

    scores: int
    alerts: int


def fill(engine: Engine, size: Size, now_ms: int, say: Callable[[str], None]) -> None:
    """Fill an empty, migrated database: the last 28 days, summed up already, nothing waits or is due."""
    postgresql = engine.dialect.name == "postgresql"
    with engine.begin() as connection:
        if postgresql:
            # Whoever fills takes care of what refers to what; 50 million checks would prove nothing.
            connection.exec_driver_sql("SET session_replication_role = replica")
            connection.exec_driver_sql("SET statement_timeout = 0; SET maintenance_work_mem = '1GB'")
            # A table that was emptied in the same transaction goes to disk once, past the log
            # (wal_level=minimal).
            connection.exec_driver_sql(f"TRUNCATE {', '.join(_FILLED)} CASCADE")
        # Built at the end, in order, as indexes of this size are after a restore.
        indexes = _take_indexes(connection, postgresql=postgresql)
        for table, count, where, columns in _tables(size, now_ms, postgresql=postgresql):
            statement = _insert(table, count, where, columns, postgresql=postgresql)
            # PostgreSQL's driver takes a single per cent sign for the place of a value.
            connection.exec_driver_sql(statement.replace("%", "%%") if postgresql else statement)
            say(f"store: {table} filled")
        for each in indexes:
            connection.exec_driver_sql(each)
        if postgresql:
            # As a replica, the server fires no trigger; in SQLite they have done this.
            for each in _NODES_OF_ALERTS:
                connection.exec_driver_sql(each)
        if postgresql:
            for table in (*_FILLED, "workloads", "containers", "nodes"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)" if postgresql else "ANALYZE")
    say("store: indexes and statistics made")


def _take_indexes(connection: Connection, *, postgresql: bool) -> list[str]:
    """Drop what is no primary key; return the statements that make it again."""
    tables = ", ".join(f"'{each}'" for each in _FILLED)
    made: list[str] = []
    if postgresql:
        # A constraint goes with its index.
        unique = connection.execute(
            text(
                "SELECT t.relname, c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c "
                f"JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = 'u' AND t.relname IN ({tables})"
            )
        ).all()
        for table, name, definition in unique:
            connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
            made.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    found = connection.execute(
        text(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
            f"WHERE NOT i.indisunique AND t.relname IN ({tables})"
            if postgresql
            else "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
            f"AND tbl_name IN ({tables})"
        )
    ).all()
    for name, _ in found:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    return made + [definition for _, definition in found]


def _tables(size: Size, now_ms: int, *, postgresql: bool) -> Iterator[tuple[str, int, str, dict[str, str]]]:
    """Yield each table with its rows: how many, which of them, and the expression of each column over `i`."""
    begin = now_ms - DAYS * _DAY_MS
    scores, alerts = size.scores, size.alerts
    per_alert = scores // alerts
    scored, raised = (f"({begin} + i * {DAYS * _DAY_MS // count})" for count in (scores, alerts))
    contributions, views = (_json(each, postgresql=postgresql) for each in (_CONTRIBUTIONS, _VIEWS))
    nothing = _json([], postgresql=postgresql)
    digest = _bytes(bytes(32), postgresql=postgresql)
    workload = f"1 + (i * 7919) % {WORKLOADS}"
    container = f"1 + (i * 7919) % {REPLICAS * WORKLOADS}"

    def node_of(container: str) -> str:
        return f"1 + (({container}) * 37) % {NODES}"

    node, rule = node_of(container), f"'Rule ' || (i % {RULES})"
    # Of alerts that have ended: half of them closed by a person, some only looked at.
    triage = "CASE WHEN i % 2 = 0 THEN 'closed' WHEN i % 10 = 1 THEN 'acknowledged' ELSE 'new' END"
    verdict = (
        "CASE WHEN i % 20 = 0 THEN 'true_positive' WHEN i % 6 = 0 THEN 'benign' "
        "WHEN i % 2 = 0 THEN 'false_positive' END"
    )
    technique = " ".join(f"WHEN {number} THEN ' {name} '" for number, name in enumerate(TECHNIQUES))
    signature = "i % 5 < 2"
    level = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(_LEVELS))

    def if_signature(value: str, other: str = "NULL") -> str:
        return f"CASE WHEN {signature} THEN {value} ELSE {other} END"

    yield "nodes", NODES, "", {
        "id": "i", "name": "'filled-' || i", "boot_id": "'boot'", "agent": """'{"window_s": 10.0}'""",
        "sent_at": "0", "created_at": f"{begin}", "seen_at": f"{begin}", "deltas": "0", "lost": "'{}'",
    }  # fmt: skip
    yield "workloads", WORKLOADS, "", {
        "id": "i", "kind": "'pod'", "cluster": "'prod'", "namespace": f"'ns-' || (i % {NAMESPACES})",
        "name": "'app-' || i", "container": "'web'", "identity_source": "'label'",
        "mode": "'enforcement-alert'", "mode_changed_at": f"{begin}", "created_at": f"{begin}",
        "windows": f"{scores // WORKLOADS}",
    }  # fmt: skip
    yield "containers", REPLICAS * WORKLOADS, "", {
        "id": "i", "node_id": node_of("i"), "boot_id": "'boot'", "container_id": "'c' || i",
        "workload_id": f"1 + (i - 1) % {WORKLOADS}", "kind": "'container'", "runtime": "'containerd'",
        "name": "'web'", "pod": "'app-' || i", "namespace": f"'ns-' || (i % {NAMESPACES})", "pod_uid": "''",
        "image": "'registry/app:1'", "image_digest": "''", "labels": "'{}'", "cgroup": "''",
        "seen_from_start": "true", "first_start": f"{begin}", "last_end": f"{now_ms}",
    }  # fmt: skip
    yield "inbox", scores, "", {
        "id": "i", "node_id": node, "boot_id": "'boot'", "container_id": f"'c' || ({container})",
        "start": scored, "digest": digest, "received_at": scored, "processed_at": scored,
    }  # fmt: skip
    yield "scores", scores, "", {
        "id": "i", "inbox_id": "i", "workload_id": workload, "container_id": container,
        "start": f"{scored} - 10000", "end": scored, "scored_at": scored, "mode": "'enforcement-alert'",
        "verdict": f"CASE WHEN i % {per_alert} = 0 THEN 'anomalous' ELSE 'normal' END", "score": "0.5",
        "p_value": "0.638", "alpha": "1.65e-05", "windows_per_week": "60480.0", "resolution": "0.0001",
        "extrapolated": "false", "novelty": "0.0", "calls": "161", "lost": "'{}'", "marks": nothing,
        "evidence": nothing, "learned": "false", "quarantined": f"i % {10 * per_alert} = 1",
        # Most normal windows have no n-gram that carries a bit; of the others, some are kept.
        "contributions": f"CASE WHEN i % {per_alert} = 0 OR i % 8 = 3 THEN {contributions} "
        f"ELSE {nothing} END",
        "rest": "0.0", "phase": "'steady'", "view": "'mix'", "views": views,
    }  # fmt: skip
    yield "alerts", alerts, "", {
        "id": "i", "workload_id": workload, "kind": if_signature("'signature'", "'anomaly'"),
        # One in fifty, and what came last.
        "status": f"CASE WHEN i % 50 = 7 OR i > {alerts} - 200 THEN 'open' ELSE 'closed' END",
        "created_at": raised, "updated_at": raised, "start": f"{raised} - 10000", "end": raised,
        "findings": "1", "p_value": if_signature("1.0", "1e-6"),
        "score": if_signature("0.0", "9.0 + i % 997"),
        "triage": triage, "verdict": verdict, "revision": "1 + i % 3",
        "assignee": f"CASE WHEN i % 10 < 2 THEN 'team-' || (i / 10 % {TEAMS}) END",
        "message": if_signature(
            "'A shell was spawned by u' || (i % 50021) || ' with sh -c /tmp/' || (i * 7919 % 104729)",
            "'Unusual calls: execve → brk → openat → mmap; ' || (i % 997) || '.5 of 1204.5 bits.'",
        ),
        "techniques": if_signature(f"CASE (i / 5) % 50 {technique} END"),
        "contributions": if_signature(nothing, contributions), "rule": if_signature(rule),
        "level": if_signature(f"CASE (i / 5) % 5 {level} END"),
        "first_match_id": if_signature("i"), "last_match_id": if_signature("i"),
    }  # fmt: skip
    yield "findings", alerts, f"WHERE NOT ({signature})", {
        "id": "i", "workload_id": workload, "score_id": f"i * {per_alert}", "alert_id": "i",
        "kind": "'anomaly'", "created_at": raised,
    }  # fmt: skip
    yield "alert_changes", alerts, "", {
        "id": "i", "alert_id": "i", "change": "'opened'", "created_at": raised, "detail": "'{}'",
    }  # fmt: skip
    yield "matches", alerts, f"WHERE {signature}", {
        "id": "i", "node_id": node, "boot_id": "'boot'", "sequence": "i", "time_ns": f"{raised} * 1000000",
        "rule": rule, "priority": "'Warning'", "digest": digest,
        "payload": _bytes(encode_match(_a_match()), postgresql=postgresql), "received_at": raised,
        "outcome": "'raised'", "workload_id": workload, "container_id": container, "alert_id": "i",
        "finding_id": "i", "raised_at": raised,
    }  # fmt: skip
    yield "rollup_marks", 1, "", {"id": "i", "score_id": f"{scores}"}


def _insert(table: str, count: int, where: str, columns: Mapping[str, str], *, postgresql: bool) -> str:
    numbers = f"generate_series(1::bigint, {count}) AS s(i)"
    if not postgresql:
        counting = f"SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count}"
        numbers = f"(WITH RECURSIVE s(i) AS ({counting}) SELECT i FROM s)"
    names = ", ".join(f'"{each}"' for each in columns)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {numbers} {where}"


def _json(value: object, *, postgresql: bool) -> str:
    return f"'{json.dumps(value)}'{'::json' if postgresql else ''}"


def _bytes(value: bytes, *, postgresql: bool) -> str:
    return rf"'\x{value.hex()}'::bytea" if postgresql else f"x'{value.hex()}'"


def _a_match() -> SignatureMatch:
    return SignatureMatch(
        node="filled-1",
        boot_id="boot",
        sequence=1,
        time=1_764_000_000_000_000_000,
        rule="Rule 1",
        priority=Priority.WARNING,
        output="A shell (user=root command=sh -i)",
        ruleset="9f",
        pid=4321,
        event_type="execve",
        container=ContainerRef(
            id="c1", runtime="containerd", name="web", pod="app-1", namespace="ns-1", image="registry/app:1"
        ),
        tags=("T1059", "attack_v18", "mitre_execution"),
        output_fields={"user.name": "root", "proc.cmdline": "sh -i", "evt.rawres": -2},
    )
