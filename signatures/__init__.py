"""The rule language: Falco's format, read, checked, compiled and decided; imports nothing of ours.

Pure: no clock, socket, log or database; files are given as text. `signatures.loader.load` turns texts
into a `signatures.ruleset.RuleSet`, whose `match` takes events (`signatures.event.Event`): what a field is,
`signatures.fields` says; where its values come from is the caller's affair.
"""
