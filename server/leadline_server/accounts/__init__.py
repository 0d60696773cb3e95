"""Accounts: each one's settings, CRM and limits."""
