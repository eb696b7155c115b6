"""A small OAuth2 server: tokens by browser or device, refreshed, expired, taken back, looked up."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "a-desktop-app"
SCOPE = "imap offline"


@dataclass
class TokenServer:
    user: str = ""
    port: int = 0
    rotates: bool = False
    """Whether each refresh gives another refresh token, and ends the one before."""
    allowed: threading.Event = field(default_factory=threading.Event)
    denied: bool = False
    away: bool = False
    """Whether a refresh finds no server that works, as in a network without a way out."""
    lost: int = 0
    """So many of the next requests for a token get no answer: the connection is gone."""
    trouble: tuple[int, dict[str, Any]] | None = None
    """What is said instead of giving a token."""
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The grant types that were asked for."""
    answers: threading.Event = field(default_factory=threading.Event)
    """Whether refreshes are answered; they wait until they are."""

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def expire(self) -> None:
        """Let all access tokens run out."""
        self.access.clear()

    def revoke(self) -> None:
        """Take back what was allowed."""
        self.access.clear()
        self.refresh.clear()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        return {
            "/.well-known/openid-configuration": self._metadata,
            "/device": self._device,
            "/token": self._token,
            "/introspect": self._introspect,
        }[path](form)

    def _metadata(self, _: dict[str, str]) -> tuple[int, dict[str, Any]]:
        names = {
            "authorization_endpoint": "authorize", "token_endpoint": "token",
            "device_authorization_endpoint": "device",
        }  # fmt: skip
        return 200, {name: f"{self.issuer}/{path}" for name, path in names.items()}

    def _device(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        assert (form["client_id"], form["scope"]) == (CLIENT, SCOPE)
        return 200, {
            "device_code": "device", "user_code": "WDJB-MJHT", "interval": 0.05,
            "verification_uri": f"{self.issuer}/activate", "expires_in": 60,
        }  # fmt: skip

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append(form["grant_type"].rpartition(":")[2])
        if self.away:
            return 503, {}
        if form["client_id"] != CLIENT:
            return 401, {"error": "invalid_client"}
        if self.trouble:
            return self.trouble
        problem = {
            "device_code": self._device_problem,
            "authorization_code": self._code_problem,
            "refresh_token": self._refresh_problem,
        }[self.asked[-1]](form)
        return (400, {"error": problem}) if problem else (200, self._grant(form))

    def _device_problem(self, _: dict[str, str]) -> str:
        if self.denied:
            return "access_denied"
        return "" if self.allowed.is_set() else "authorization_pending"

    def _code_problem(self, form: dict[str, str]) -> str:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return "" if self.codes.pop(form["code"], None) == challenge else "invalid_grant"

    def _refresh_problem(self, form: dict[str, str]) -> str:
        self.answers.wait(60)
        return "" if form["refresh_token"] in self.refresh else "invalid_grant"

    def _grant(self, form: dict[str, str]) -> dict[str, Any]:
        granted = {"token_type": "Bearer", "expires_in": 3600, "access_token": secrets.token_hex()}
        self.access.add(granted["access_token"])
        if self.rotates or "refresh_token" not in form:
            self.refresh = {secrets.token_hex()}
            (granted["refresh_token"],) = self.refresh
        return granted

    def _introspect(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        active = form["token"] in self.access
        return 200, {"active": True, "username": self.user} if active else {"active": False}

    def authorize(self, query: dict[str, str]) -> str:
        """Allow it, as the user does in the browser; give where that is sent."""
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT, "S256")
        if self.denied:
            answer = {"error": "access_denied"}
        else:
            answer = {"code": secrets.token_hex()}
            self.codes[answer["code"]] = query["code_challenge"]
        return f"{query['redirect_uri']}?{urlencode({**answer, 'state': query['state']})}"


@contextmanager
def token_server() -> Iterator[TokenServer]:
    server = TokenServer()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", server.authorize(_flat(parts.query)))
                self.end_headers()
            else:
                self._say(*server.answer(parts.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if server.lost and self.path == "/token":
                server.lost -= 1
                return
            self._say(*server.answer(urlsplit(self.path).path, _flat(body)))

        def _say(self, status: int, said: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server.answers.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join(10)


def _flat(query: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(query).items()}
