#!/usr/bin/env python3
"""A service that asks the gate about every request.

Standard library only. The gate verifies the token and applies the rule of the
path in its configuration; what happens while its denylist is stale is decided
here, per request.

    CHECK_SOCKET=/run/revoked/check.sock PORT=8000 ./orders.py
"""

import http.client
import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gate:
    """Asks POST /v1/check over a unix socket."""

    def __init__(self, path, timeout=2.0):
        self.path, self.timeout = path, timeout

    def check(self, question):
        """Returns the answer as a dict; raises OSError if there is none."""
        conn = http.client.HTTPConnection("gate", timeout=self.timeout)
        conn.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        conn.sock.settimeout(self.timeout)
        try:
            conn.sock.connect(self.path)
            conn.request("POST", "/v1/check", json.dumps(question))
            response = conn.getresponse()
            body = response.read()
            if response.status != 200:
                raise OSError(f"the gate answers {response.status}")
            return json.loads(body)
        except (http.client.HTTPException, ValueError) as err:
            raise OSError(f"the gate's answer is no answer: {err}") from err
        finally:
            conn.close()


GATE = Gate(os.environ["CHECK_SOCKET"])


def may_serve_stale(method, path):
    """The stale policy: reading the catalog is worth a session that was revoked
    a moment ago; nothing else is."""
    return method in ("GET", "HEAD") and (path == "/catalog" or path.startswith("/catalog/"))


def decide(method, path, authorization):
    """Returns the status for a request (200: serve it) and the token's claims."""
    if len(authorization) != 1 or not authorization[0].lower().startswith("bearer "):
        return 401, None
    token = authorization[0][len("bearer "):].strip()
    try:
        answer = GATE.check({"token": token, "method": method, "path": path})
    except OSError as err:
        # Nobody has looked at the token: there is nothing to fail open with.
        print(f"gate: {err}", file=sys.stderr)
        return 503, None
    if answer["allow"]:
        return 200, answer.get("token")
    if answer["reason"] in ("stale", "no_keys"):
        # A token that is known to be revoked is never "stale". Only a stale
        # one comes with its claims: everything else about it is fine.
        claims = answer.get("token")
        if claims and may_serve_stale(method, path):
            return 200, claims
        return 503, None
    if answer["reason"] in ("missing_scope", "no_rule", "ambiguous_request"):
        return 403, None
    return 401, None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        status, claims = decide(self.command, self.path, self.headers.get_all("Authorization") or [])
        body = json.dumps({"hello": claims["sub"]} if claims else {}).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="orders"')
        if status == 503:
            self.send_header("Retry-After", "5")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *args):
        """Request lines may carry personal data."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "0"))), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
