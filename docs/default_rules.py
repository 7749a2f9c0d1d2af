"""Writes the tables of `docs/default-rules.md` from the rules, and from the last run under benign load.

.venv/bin/python docs/default_rules.py          # writes them
.venv/bin/python docs/default_rules.py --check  # exit 1 where they are not what it would write
"""
