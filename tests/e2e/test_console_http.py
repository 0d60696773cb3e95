"""The files of the page for people over HTTP: types, compression, caching, and what a browser may do with them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from e2e.test_http import Http, settings
from support.servers import server_process

PATHS: Final = {"/": "text/html", "/console.css": "text/css", "/console.js": "text/javascript"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    data = tmp_path_factory.mktemp("console") / "data"
    chosen = settings(data, LEADLINE_PUBLIC_URL="https://calls.example.com")
    with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as server:
        assert f"The page for people is http://{server.http_address}/" in server.stdout
        yield Http(server.http_address)


@pytest.mark.parametrize(("path", "content_type"), PATHS.items())
def test_a_file_is_served_plain_or_compressed_and_once(web: Http, path: str, content_type: str) -> None:
    plain = web.send("GET", path)
    assert (plain.status, plain.headers["content-type"]) == (200, f"{content_type}; charset=utf-8")
    packed = web.send("GET", path, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < 150_000
    again = web.send("GET", path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    head = web.send("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(plain.body)))
    assert web.send("POST", path).status == 405


@pytest.mark.parametrize("path", PATHS)
def test_the_page_runs_its_own_files_alone_and_stands_in_no_frame(web: Http, path: str) -> None:
    headers = web.send("GET", path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"


def test_other_hosts_and_other_sites_do_not_get_the_page(web: Http) -> None:
    assert web.send("GET", "/", headers={"Host": "calls.example.com"}).status == 421
    assert web.send("GET", "/", headers={"Sec-Fetch-Site": "cross-site"}).status == 403


def test_the_page_names_no_other_host_and_has_no_inline_script(web: Http) -> None:
    page = web.send("GET", "/").body.decode()
    assert "<script>" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_page_can_be_switched_off(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data", LEADLINE_CONSOLE="false")
    with server_process(tmp_path / "data", settings=chosen, has_addresses=True, has_data_dir=True) as server:
        assert "page for people" not in server.stdout
        web = Http(server.http_address)
        assert {web.send("GET", path).status for path in PATHS} == {404}
        assert web.send("GET", "/openapi.json").status == 200
