"""docs/remote-adapters.md says what each code and reason means, and what is there."""

import re
from pathlib import Path
from typing import Final

import grpc
import pytest
from leadline.adapter.v1 import adapter_service_pb2
from leadline_server.crm.remote.names import REASONS, SERVICE
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from unit.test_docs import rows, section, text
from unit.test_remote_failures import BY_CODE

DOCUMENTS: Final = ("docs/remote-adapters.md", "examples/adapter-node/README.md", "examples/adapter-python/README.md")
WORDS: Final = {
    "refused": CrmRejected,
    "cannot tell": CrmUnavailable,
    "credentials": CrmAuthFailed,
    "slow down": CrmRateLimited,
    "outcome unknown": CrmOutcomeUnknown,
    "as above": CrmUnavailable,
}
CODES: Final = re.findall(r"^\| ([A-Z_, ]+) \| ([\w ]+) \| \**([\w ]+?)\** \|$", text(DOCUMENTS[0]), re.MULTILINE)


def test_every_code_means_what_the_table_says() -> None:
    documented = {
        grpc.StatusCode[code]: (WORDS[of_read], WORDS[of_write])
        for codes, of_read, of_write in CODES
        for code in codes.split(", ")
    }
    assert documented == BY_CODE


def test_every_reason_has_its_row() -> None:
    assert rows(section(DOCUMENTS[0], "Failures")).keys() == REASONS.keys()


def test_every_method_is_named_where_it_is_said_what_happens_without_it() -> None:
    cells = re.findall(r"^\| (`.*?) \|", section(DOCUMENTS[0], "How to start"), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == {method.name for method in SERVICE.methods}
    assert adapter_service_pb2.DESCRIPTOR.package == "leadline.adapter.v1"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (Path(__file__).parents[2] / document).parent
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text(document)):
        assert (folder / link).exists(), link
