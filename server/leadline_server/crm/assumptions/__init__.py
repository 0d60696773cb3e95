"""Tries with a real account what leadline assumes of a CRM: `leadline connections check NAME --assumptions`."""
