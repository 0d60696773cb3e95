"""`leadline adapter test`: the suite over an adapter in another process, by one command."""

import asyncio
import re
from typing import Final

import pytest
from leadline_server.crm.remote.server import serve_adapter
from support.embedded import embedded_crm_under_test
from support.servers import leadline

RUNS: Final = 20
TIME: Final = re.compile(r" in \d.*")
"""The time at the end of a run. The text before it has one character for each test, in one order."""


async def run(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of the command."""
    done = await asyncio.to_thread(leadline, "adapter", "test", *arguments, seconds=300.0)
    return done.returncode, done.stdout + done.stderr


async def test_without_more_the_suite_says_what_it_could_not_test() -> None:
    async with embedded_crm_under_test() as crm, serve_adapter(lambda _: crm.adapter, title="Acme") as port:
        code, told = await run("--address", f"127.0.0.1:{port}", "--level", "lookup")
    assert code == 4, told
    assert re.search(r"\d+ not tested", told)
    assert re.search(r"^- CrmUnderTest.trouble is not given .* Open: ", told, re.MULTILINE)
    assert "Level lookup does not call create_call_log" in told or "failed" not in told


@pytest.mark.soak
async def test_twenty_runs_on_a_sandbox_that_keeps_its_records_end_alike() -> None:
    async with embedded_crm_under_test() as crm, serve_adapter(lambda _: crm.adapter, title="Acme") as port:
        runs = [await run("--address", f"127.0.0.1:{port}") for _ in range(RUNS)]
    first, *others = [(code, TIME.sub("", told)) for code, told in runs]
    assert first[0] == 4, first[1]
    assert others == [first] * (RUNS - 1)


@pytest.mark.parametrize(
    "arguments", [[], ["--address", "x:1", "--definition", "y"], ["--address", "x:1", "--proxy", "x"]]
)
async def test_wrong_usage_is_told(arguments: list[str]) -> None:
    code, told = await run(*arguments)
    assert code == 2
    assert told.startswith("leadline: ")
