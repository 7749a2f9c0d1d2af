"""Types that cross a process boundary, and their codecs. Imports the standard library only.

Everything the agent and the service must agree on is here and nowhere else:
the packing of an n-gram, the container reference, the profile delta, the batch
that carries it, the syscall tables, and the way both commands declare settings.
"""
