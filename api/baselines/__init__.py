"""Versions of baselines over REST: their states, the promotion report, and bundles."""
