"""The service: takes profiles in, scores and learns them in one worker, and answers over REST.

Imports `model` and `wire`. The agent is not imported, only started as a child
process by `nonself up`; the two meet on the wire and nowhere else.
"""
