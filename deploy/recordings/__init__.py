"""Recordings of real containers: hours of varied benign load, and intrusions while the load goes on.

`python -m recordings` runs the workloads of `demo` in a `lab`, lets `nonself-agent record` keep what the
sensor sees, and writes beside it what was done when. `nonself evaluate recording` reads both.
"""
