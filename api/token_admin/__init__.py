"""Tokens over REST and on the command line: made, listed, rotated and revoked; `api.tokens` decides."""
