"""Channels: receivers of alerts, as admins manage them (ADR 0092)."""
