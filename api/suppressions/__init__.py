"""Statements that findings of a kind raise no alert (ADR 0075)."""
