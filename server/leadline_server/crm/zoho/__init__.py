"""Zoho CRM: contacts, leads and calls, over its REST API."""
