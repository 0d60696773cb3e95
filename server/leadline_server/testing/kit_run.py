"""The CRM suite over an adapter that `leadline adapter test` opens."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest, Level
from leadline_server.testing.fault_proxy import fault_proxy
from leadline_server.testing.kit_verdict import reason_not_tested


@dataclass(frozen=True, slots=True, kw_only=True)
class KitPlan:
    """The adapter that the suite runs over.

    Attributes:
        open_adapter: opens the adapter, for one test.
        level: how far the suite goes.
        crm_url: the CRM's base URL, for the fault proxy; empty: no proxy.
        proxy_host: where the fault proxy listens: the base URL that the adapter was given.
        proxy_port: its port.
        about: further arguments of `CrmUnderTest`: facts about the CRM, such as `max_name`.
    """

    open_adapter: Callable[[], AbstractAsyncContextManager[CrmAdapter]]
    level: Level = Level.FULL
    crm_url: str = ""
    proxy_host: str = "127.0.0.1"
    proxy_port: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)


PLAN: Final = pytest.StashKey[KitPlan]()


class PlanPlugin:
    """Gives the plan to the tests, and counts what was not tested."""

    def __init__(self, plan: KitPlan) -> None:
        self._plan = plan
        self.not_tested = 0

    def pytest_configure(self, config: pytest.Config) -> None:
        """Store the plan."""
        config.stash[PLAN] = self._plan

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        self.not_tested += bool(reason_not_tested(report))


class TestAdapter(CrmConformance):
    """The suite over the plan's adapter."""

    @pytest.fixture(autouse=True)
    def _configured(self, request: pytest.FixtureRequest) -> None:
        self._plan = request.config.stash[PLAN]

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        """The plan's adapter, behind the fault proxy if the plan has one."""
        return _opened(self._plan)


@asynccontextmanager
async def _opened(plan: KitPlan) -> AsyncIterator[CrmUnderTest]:
    if not plan.crm_url:
        async with plan.open_adapter() as adapter:
            yield CrmUnderTest(adapter=adapter, level=plan.level, **plan.about)
        return
    async with (
        fault_proxy(plan.crm_url, host=plan.proxy_host, port=plan.proxy_port) as proxy,
        plan.open_adapter() as adapter,
    ):
        yield CrmUnderTest(adapter=adapter, level=plan.level, trouble=proxy, **plan.about)


def run(plan: KitPlan, *arguments: str) -> tuple[int, int]:
    """Run the suite: pytest's exit code, and how many tests were not run for want of something."""
    plugin = PlanPlugin(plan)
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-c", os.devnull, "--noconftest", *arguments]
    options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # some of the suite is imported by now
    return int(pytest.main([*options, "--pyargs", __name__], plugins=[plugin])), plugin.not_tested
