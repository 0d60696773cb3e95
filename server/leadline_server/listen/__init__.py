"""Listeners: clients of phone systems that report each call as it rings, is answered and ends."""
