"""Bringing accepted calls into the CRM."""
