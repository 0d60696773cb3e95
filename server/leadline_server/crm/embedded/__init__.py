"""The CRM that comes with leadline: a contact book and a call journal in one SQLite file."""

from leadline_server.crm.embedded.adapter import EmbeddedCrm
from leadline_server.crm.embedded.database import CrmDatabase, open_crm_database

__all__ = ["CrmDatabase", "EmbeddedCrm", "open_crm_database"]
