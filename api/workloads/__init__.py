"""Workloads: who they are, in which mode they stand, and what was learned of them."""
