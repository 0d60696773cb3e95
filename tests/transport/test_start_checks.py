"""Connections are checked at the start, each once, and those that fail are named in a warning."""

import asyncio
from pathlib import Path

from aiohttp import web
from leadline_server.config_tables import AccountConfig, ConnectionTable
from structlog.testing import capture_logs
from support.admin import administered
from support.http_servers import http_server


async def test_a_connection_that_fails_is_named_once_and_the_others_are_kept_as_working(tmp_path: Path) -> None:
    asked: list[str] = []

    async def crm(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        return web.json_response({"results": []}, status=401 if "bad" in asked[-1] else 200)

    async with http_server(crm) as url:
        tables = {
            name: ConnectionTable.model_validate({"adapter": "hubspot", "token": name, "api_url": url})
            for name in ("good", "bad")
        }
        accounts = {
            account_id: AccountConfig(connection=name)
            for account_id, name in (("one", "good"), ("two", "bad"), ("three", "bad"), ("four", "embedded"))
        }
        with capture_logs() as logs:
            async with administered(tmp_path, accounts=accounts, connections=tables) as served, asyncio.timeout(20):
                checks = served.app.ledger.connection_checks
                while len(found := await checks.list("", 10)) < len(tables):
                    await asyncio.sleep(0.01)
        assert [(check.connection, check.is_working) for check in found] == [("bad", False), ("good", True)]
        assert set(asked) == {"Bearer good", "Bearer bad"}
    warnings = [log for log in logs if log["event"] == "connection fails"]
    assert [warning["connection"] for warning in warnings] == ["bad"]
    assert "bad" in warnings[0]["detail"]


async def test_the_setting_turns_them_off(tmp_path: Path) -> None:
    asked: list[str] = []

    async def crm(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"results": []})

    async with http_server(crm) as url:
        table = ConnectionTable.model_validate({"adapter": "hubspot", "token": "t", "api_url": url})
        accounts = {"one": AccountConfig(connection="crm")}
        async with administered(
            tmp_path, accounts=accounts, connections={"crm": table}, check_connections=False
        ) as served:
            await served.check("one")
            of_one_check = len(asked)
            await served.check("one")
    assert len(asked) == 2 * of_one_check > 0  # so there was none before the first
