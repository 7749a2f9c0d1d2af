"""Ed25519 keys: the one that this service signs bundles with, and those whose bundles it trusts."""
