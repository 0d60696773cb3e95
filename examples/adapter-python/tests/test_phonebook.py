"""The phone book keeps the promises of leadline's port to CRMs."""

import pytest
from leadline_phonebook import PHONEBOOK
from leadline_server.crm.opening import open_adapter
from leadline_server.testing.crm_conformance import CrmConformance, under_test


class TestPhonebook(CrmConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.file = str(tmp_path / "phonebook.db")

    def open_crm(self):
        return under_test(open_adapter(PHONEBOOK, {"file": self.file}))
