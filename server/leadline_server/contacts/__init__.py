"""Looks numbers up, and creates at most one contact for a number that no contact has."""
