"""The learner: what a workload normally does, how unusual a window is, and why; imports wire, numpy, river.

Pure: no clock, file, socket, log or database, and the same input gives the same
output bit for bit. `model.baseline.Baseline` is the entrance; the service scores
a window first and learns it afterwards, from one place.
"""
