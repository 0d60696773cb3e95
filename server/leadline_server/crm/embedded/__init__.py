"""The CRM that leadline brings along: a contact book and a call journal in one SQLite file."""

from leadline_server.crm.embedded.adapter import EmbeddedCrm
from leadline_server.crm.embedded.book import ContactBook
from leadline_server.crm.embedded.database import CrmDatabase, open_crm_database

__all__ = ["ContactBook", "CrmDatabase", "EmbeddedCrm", "open_crm_database"]
