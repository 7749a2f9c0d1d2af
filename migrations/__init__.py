"""The history of the database schema: one file for each step, applied when the service starts."""
