"""Salesforce: contacts and leads, and calls as completed tasks, over its REST API."""
