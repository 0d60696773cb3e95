"""Delivers accepted calls to the CRM."""
