"""Tokens of a foreign issuer (OpenID Connect): who they say somebody is, and what that lets him do."""
