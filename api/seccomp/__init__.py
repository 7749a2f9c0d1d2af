"""Seccomp profiles of what was learned."""
