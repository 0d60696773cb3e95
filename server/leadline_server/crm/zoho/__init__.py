"""Zoho CRM over its REST API: contacts, leads and calls."""
