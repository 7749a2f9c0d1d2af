"""Bearer tokens: what they are for, and whom they let in; never stored, only their hash."""
