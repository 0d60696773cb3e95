"""The phone book keeps the promises of leadline's port to CRMs."""

from pathlib import Path

import pytest
from leadline_phonebook import PHONEBOOK
from leadline_server.testing.adapter_under_test import open_adapter
from leadline_server.testing.crm_conformance import CrmConformance, under_test


class TestPhonebook(CrmConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.file = str(tmp_path / "phonebook.db")

    def open_crm(self):
        return under_test(open_adapter(PHONEBOOK, {"file": self.file}))
