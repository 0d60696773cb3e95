"""Definitions that come with leadline."""
