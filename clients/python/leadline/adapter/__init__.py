"""The contract between leadline and CRM adapters; the generated messages and stubs are in `v1`."""
