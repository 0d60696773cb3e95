"""The schema of the embedded CRM, step by step."""
