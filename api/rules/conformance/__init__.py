"""Conformance: upstream's own test cases, given as data, held against our rule language."""
