"""The store: tables, engine and transactions. Only repositories and the worker read tables."""
