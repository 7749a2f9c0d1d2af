"""Rules: their versions, which are switched on where, what agents do with them, and how they get there."""
