"""Adapters: how leadline speaks with one CRM or another, behind the port of `ports.crm`."""
