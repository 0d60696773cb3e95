"""A pytest plugin that prints the tables of the adapters under test at the end of a run.

pytest -p leadline_server.testing.report
"""

from typing import Final

import pytest

from leadline_server.testing.crm_harness import CrmUnderTest
from leadline_server.testing.kit_verdict import KitVerdict
from leadline_server.testing.tables import Facts, describe

_FACTS: Final = pytest.StashKey[dict[str, Facts]]()
_VERDICT: Final = "leadline-kit-verdict"


def note_facts(config: pytest.Config, name: str, crm: CrmUnderTest) -> None:
    """Record the declarations of a CRM under test, by the name of its test class."""
    if not config.pluginmanager.has_plugin(_VERDICT):
        config.pluginmanager.register(KitVerdict(), _VERDICT)
    config.stash.setdefault(_FACTS, {})[name] = Facts(
        capabilities=crm.adapter.capabilities,
        lost_fields=crm.lost_fields,
        lost_forms=crm.lost_forms,
        lost_texts=crm.lost_texts,
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a table of each adapter."""
    for name, facts in config.stash.get(_FACTS, {}).items():
        terminalreporter.section(f"what the adapter of {name} can do")
        terminalreporter.write_line(describe(name, facts))
