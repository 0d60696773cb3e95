"""The leadline server: a call-to-CRM gateway."""
