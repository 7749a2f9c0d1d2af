"""Matches of signature rules: taken in, listed, and shown in Falco's shape."""
