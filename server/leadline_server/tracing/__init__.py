"""Traces of calls by OpenTelemetry. Nothing of it is imported unless a setting names where traces go."""
