"""Tells receivers what happens to alerts: routed, queued in the database, at least once (ADR 0092)."""
