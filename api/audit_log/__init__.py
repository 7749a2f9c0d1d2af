"""Shows who changed what; it is written by `api.audit`."""
