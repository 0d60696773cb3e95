"""The contract of administration: API keys; the generated messages and stubs are in `v1`."""
