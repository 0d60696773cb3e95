"""The conformance suites of the ports, for pytest. Authors of adapters and ledgers run them."""

import pytest

# Before they are imported, so that a failing assertion of theirs shows its values.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "crm_call_log_cases",
            "crm_contact_cases",
            "crm_conformance",
            "crm_failure_cases",
            "crm_fields",
            "crm_forms",
            "crm_harness",
            "crm_lookup_cases",
            "crm_read_cases",
            "crm_texts",
            "ledger_call_log_cases",
            "ledger_claim_cases",
            "ledger_conformance",
            "ledger_list_cases",
            "ledger_settings_cases",
        )
    )
)
