"""Upgrades: a workload's change to a new image, what that does otherwise, and who said that it may."""
