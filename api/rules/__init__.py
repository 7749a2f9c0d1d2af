"""Rules: their versions, which are switched on where, what agents can do with them, and their distribution."""
