"""How a node comes by a token of its own: a one-time token is exchanged for it."""
