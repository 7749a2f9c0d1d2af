"""Scores: how unusual each container's window was for its workload, and why."""
