"""Traces of OpenTelemetry: spans of requests, of the worker and of push; none unless a receiver is named."""
