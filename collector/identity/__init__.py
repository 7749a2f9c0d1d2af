"""Who a cgroup is: from its path, the runtime's bundle and the runtime's socket to a `ContainerRef`.

Only the agent imports it. `Identifier` answers at once from files that exist
before the container's first instruction; what only the runtime's socket knows
(labels, digests) is added later by `Identifier.enrich`.
"""
