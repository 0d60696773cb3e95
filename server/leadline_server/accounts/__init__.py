"""Accounts: the settings, the CRM and the limits of each."""
