"""Executes end-to-end suites of rule tests on the live kernel, and judges them as upstream does."""
