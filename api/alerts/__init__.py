"""Alerts: findings of one workload grouped into one thing a person handles."""
