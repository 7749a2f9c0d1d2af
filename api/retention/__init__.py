"""Retention: what is kept how long, what is summed up before it goes, and what was dropped."""
