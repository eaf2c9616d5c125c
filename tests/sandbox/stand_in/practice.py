"""A practice that only says where it is: what `practice --state FILE` does, without the practice."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Silent(BaseHTTPRequestHandler):
    """Answers everything with an empty list."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *args: object) -> None:
        """Stay silent."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path)
    for flag in ("--port", "--patients", "--seed"):
        parser.add_argument(flag, type=int)
    for flag in ("--developer-key", "--customer-key", "--seeded-on"):
        parser.add_argument(flag)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Silent)
    port = server.server_address[1]
    state = {
        "base_url": f"http://127.0.0.1:{port}/api/v1",
        "control_url": f"http://127.0.0.1:{port}/_control",
        "developer_key": options.developer_key,
        "customer_key": options.customer_key,
    }
    draft = options.state.with_suffix(".draft")
    draft.write_text(json.dumps(state))
    draft.replace(options.state)
    server.serve_forever()


main()
