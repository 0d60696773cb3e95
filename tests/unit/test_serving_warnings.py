"""At start leadline says which preferences and which CRM do not go well together."""

from dataclasses import replace
from typing import Any, Final

import pytest
from leadline_server import serving
from leadline_server.crm.zoho.adapter import CAPABILITIES as ZOHO
from leadline_server.domain.preferences import AccountSettings, Preferences, UnknownContactAction
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, LookupRecall
from structlog.testing import capture_logs

COMPLETE: Final = Capabilities(
    finds_log_by_key=True, enforces_unique_key=True, moves_log=True, lookup_recall=LookupRecall.COMPLETE
)
CREATES: Final = UnknownContactAction.CREATE_PLACEHOLDER


class _Account:
    id = "acme"

    def __init__(self, can: Capabilities, **wishes: Any) -> None:
        self.capabilities = can
        self.settings = AccountSettings(defaults=Preferences(**wishes))


@pytest.mark.parametrize(
    ("can", "wishes", "warnings"),
    [
        (COMPLETE, {"unknown_contact_action": CREATES}, []),
        (replace(COMPLETE, lookup_recall=LookupRecall.FORMS_ASKED), {}, []),
        (
            replace(COMPLETE, lookup_recall=LookupRecall.FORMS_ASKED),
            {"unknown_contact_action": CREATES},
            ["lookups may miss contacts"],
        ),
        (ZOHO, {}, ["logs cannot change"]),
        (ZOHO, {"wait_until_final": True}, []),
        (replace(COMPLETE, methods=ALL_METHODS - {CrmMethod.UPDATE_CALL_LOG}), {}, ["logs cannot change"]),
        (
            replace(COMPLETE, methods=ALL_METHODS - {CrmMethod.UPDATE_CALL_LOG, CrmMethod.CREATE_CALL_LOG}),
            {},
            [],
        ),
    ],
)
def test_what_does_not_go_together_is_said(can: Capabilities, wishes: dict[str, Any], warnings: list[str]) -> None:
    with capture_logs() as lines:
        serving.warn_of_crm(_Account(can, **wishes))  # type: ignore[arg-type] # as much of an account as it reads
    assert [line["event"] for line in lines] == warnings
    assert all(line["account_id"] == "acme" for line in lines)
