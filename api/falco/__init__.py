"""Alerts in the shape of Falco, for what SOCs have already: falcosidekick, and pipelines that read lines."""
