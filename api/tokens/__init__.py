"""Bearer tokens: made, listed and revoked by the command line; never stored, only their hash."""
