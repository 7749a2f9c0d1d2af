"""Nodes: which agents report, how far behind they are and what they lost."""
