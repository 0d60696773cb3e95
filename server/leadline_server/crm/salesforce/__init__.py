"""Salesforce over its REST API: contacts, leads, and calls as completed tasks."""
