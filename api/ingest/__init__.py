"""Profiles in: authenticated, checked, de-duplicated, and kept until the worker took them."""
