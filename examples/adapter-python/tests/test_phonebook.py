"""The phone book keeps the promises of leadline's port to CRMs."""

from tempfile import mkdtemp

from leadline_phonebook import PHONEBOOK
from leadline_server.crm.opening import open_adapter
from leadline_server.testing.crm_conformance import CrmConformance, under_test


class TestPhonebook(CrmConformance):
    def open_crm(self):
        return under_test(open_adapter(PHONEBOOK, {"file": f"{mkdtemp()}/phonebook.db"}))
