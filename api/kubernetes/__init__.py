"""Asks the Kubernetes API who keeps a pod (ADR 0072)."""
