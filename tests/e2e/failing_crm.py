"""A CRM's server that fails."""

from http.server import BaseHTTPRequestHandler


class FailingCrm(BaseHTTPRequestHandler):
    """Fails, but for the path `/works`, and for every second request of `/flaky`."""

    flaky = 0

    def do_GET(self) -> None:
        status = {"/missing": 404, "/works": 200}.get(self.path, 503)
        if self.path == "/flaky":
            FailingCrm.flaky += 1
            status = 503 if FailingCrm.flaky % 2 else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PATCH = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        pass
