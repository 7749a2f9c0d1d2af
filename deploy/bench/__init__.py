"""Measures what nonself costs, beside other designs and tools, in one run: `python -m bench --help`."""
