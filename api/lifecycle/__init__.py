"""The life of a baseline: its versions, their states, and the windows each was learned from."""
