"""Troubles: what is wrong with nonself itself, opened and closed by the service as it sees it."""
