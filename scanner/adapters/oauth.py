"""OAuth2 (RFC 6749): being allowed once, and a fresh access token before every login.

Allowed either by a code that is typed in on another device (RFC 8628) or by the browser of this
machine, which comes back to a loopback address (RFC 8252 section 7.3) with PKCE (RFC 7636). The
refresh token is kept in the keyring, the access token nowhere.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests import ConnectionError as LostConnectionError
from requests import RequestException, Response, Timeout

from scanner.adapters import keychain, lock, state
from scanner.config import Account, Seconds, is_private
from scanner.core.providers import OAuth, by_host
from scanner.errors import (
    BusyError,
    ConfigurationError,
    CredentialsError,
    UnflubError,
    UnreachableError,
)

log = logging.getLogger("unflub")

_TIMEOUT: Seconds = 20
_TURN: Seconds = 60  # for another process to have its token
_PATIENCE: Seconds = 600  # for the user to allow it
_LOOK: Seconds = 0.1  # between two looks at what the browser brought
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_TOO_MANY = 429  # RFC 6585 section 4; whatever else the answer says
_THANKS = b"<!doctype html><title>unflub</title><p>That was all; you can close this window.</p>"


def access_token(account: Account) -> str:
    """Ask for a fresh access token (RFC 6749 section 6).

    Raises CredentialsError where the user must allow it anew, UnreachableError where the token
    server does not answer, and BusyError where it wants to be left alone.
    """
    with _alone(account):
        refresh = allowed(account)
        if refresh is None:
            raise CredentialsError(
                f"account {account.name}: unflub is not allowed yet; "
                f"run `unflub login {account.name}`"
            )
        where = endpoints(account)
        with _session(account, where) as session, _translated(account, where.token):
            token = session.refresh_token(where.token, refresh_token=refresh)
        return _taken(account, where, token, refresh)


def allowed(account: Account) -> str | None:
    """Give the refresh token, or None where there is none. Raises CredentialsError."""
    return keychain.read(keychain.of_token(account.name))


def by_device(account: Account, show: Callable[[str, str], None]) -> None:
    """Have the user type a code in on any device; `show` tells the address and the code.

    Raises UnflubError; ConfigurationError where the provider has no such way.
    """
    where = endpoints(account)
    if not where.device:
        raise ConfigurationError(
            f"account {account.name}: its provider allows programs in a browser only; "
            "leave --device out"
        )
    with _session(account, where) as session, _translated(account, where.device):
        asked = session.post(
            where.device, data={"client_id": account.oauth_client_id, "scope": where.scope},
            withhold_token=True,
        ).json()  # fmt: skip
        if "device_code" not in asked:
            raise OAuthError(str(asked.get("error", "")))
        show(asked.get("verification_uri") or asked["verification_url"], asked["user_code"])
        token = _polled(session, where, asked)
    with _alone(account):
        _taken(account, where, token)


def by_browser(account: Account, show: Callable[[str], None]) -> None:
    """Have the user allow it in a browser of this machine; `show` opens the page there.

    Raises UnflubError.
    """
    where = endpoints(account)
    verifier = secrets.token_urlsafe(64)
    with _Landing() as landing, _session(account, where) as session:
        session.redirect_uri = landing.url
        page, state = session.create_authorization_url(
            where.authorize, code_verifier=verifier, login_hint=account.login, **dict(where.extra)
        )
        show(page)
        with _translated(account, where.token):
            code = landing.code(state, _PATIENCE)
            token = session.fetch_token(
                where.token, grant_type="authorization_code", code=code, code_verifier=verifier,
                redirect_uri=landing.url,
            )  # fmt: skip
    with _alone(account):
        _taken(account, where, token)


def endpoints(account: Account) -> OAuth:
    """Give where to ask: what the issuer publishes (RFC 8414), or what is known of the provider."""
    if not account.oauth_issuer:
        provider = by_host(*account.endpoint)
        if provider is None or provider.oauth is None:
            raise ConfigurationError(
                f"account {account.name}: where to ask for tokens is not known; set oauth_issuer "
                "and oauth_scope, or token_command"
            )
        return provider.oauth
    url = f"{account.oauth_issuer.rstrip('/')}/.well-known/openid-configuration"
    with OAuth2Session(default_timeout=_TIMEOUT) as session, _translated(account, url):
        said: dict[str, Any] = session.get(url, withhold_token=True).json()
        found = OAuth(
            authorize=str(said["authorization_endpoint"]),
            token=str(said["token_endpoint"]),
            device=str(said.get("device_authorization_endpoint", "")),
            scope=account.oauth_scope,
        )
    for one in (found.authorize, found.token, found.device):
        if one and not is_private(one):
            raise ConfigurationError(
                f"account {account.name}: its oauth_issuer names an address without TLS; "
                "check oauth_issuer"
            )
    return found


def _alone(account: Account) -> AbstractContextManager[None]:
    """Let no other process refresh or keep a token meanwhile: one that changes is good once."""
    return lock.awaited(state.folder() / f"{account.name}.token.lock", _TURN)


def _taken(account: Account, where: OAuth, token: dict[str, Any], before: str = "") -> str:
    """Keep the refresh token, which may be another each time, and give the access token."""
    refresh = token.get("refresh_token", "")
    if refresh and refresh != before:
        try:
            keychain.write(keychain.of_token(account.name), refresh)
        except CredentialsError as error:
            if not before:
                raise
            # The access token is good all the same, and the refresh token before may be.
            log.warning("%s; the next login may have to be allowed anew", error)
    if not (refresh or before):
        raise CredentialsError(
            f"account {account.name}: the provider gave no token that lasts; add offline access "
            "to oauth_scope"
        )
    if "access_token" not in token:
        raise _odd(account, urlsplit(where.token).netloc, "no token")
    return str(token["access_token"])


def _session(account: Account, where: OAuth) -> Any:
    session = OAuth2Session(
        account.oauth_client_id,
        account.oauth_client_secret or None,
        token_endpoint_auth_method="client_secret_post" if account.oauth_client_secret else "none",
        scope=account.oauth_scope or where.scope,
        code_challenge_method="S256",
        default_timeout=_TIMEOUT,
    )
    session.hooks["response"].append(_heed)
    return session


def _heed(response: Response, **_: object) -> None:
    if response.status_code == _TOO_MANY:
        raise OAuthError("slow_down")


def _polled(session: Any, where: OAuth, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask until the user has typed the code in (RFC 8628 section 3.5)."""
    pause = float(asked.get("interval", 5))
    until = time.monotonic() + min(_PATIENCE, float(asked.get("expires_in", _PATIENCE)))
    while time.monotonic() < until:
        try:
            token: dict[str, Any] = session.fetch_token(
                where.token, grant_type=_DEVICE, device_code=asked["device_code"]
            )
        except OAuthError as error:
            if error.error not in ("authorization_pending", "slow_down"):
                raise
            pause += 5 if error.error == "slow_down" else 0
        except (Timeout, LostConnectionError):
            pause *= 2
        else:
            return token
        time.sleep(min(pause, max(until - time.monotonic(), 0)))
    raise OAuthError("expired_token")


@contextmanager
def _translated(account: Account, url: str) -> Iterator[None]:
    """Turn what a token server may do into our errors, without its words."""
    host = urlsplit(url).netloc
    try:
        yield
    except UnflubError:
        raise
    except OAuthError as error:
        raise _refused(account, host, str(error.error)) from None
    except (RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _odd(account, host, type(error).__name__) from None


def _odd(account: Account, host: str, why: str) -> UnreachableError:
    return UnreachableError(
        f"account {account.name}: the token server {host} does not answer as it should "
        f"({why}); check the network and oauth_issuer, or try again later"
    )


def _refused(account: Account, host: str, why: str) -> UnflubError:
    """Say what an error code of RFC 6749 (4.1.2.1, 5.2) or RFC 8628 section 3.5 asks for."""
    if why in ("temporarily_unavailable", "server_error", "slow_down"):
        return BusyError(
            f"account {account.name}: the token server {host} is busy ({why}); try again later"
        )
    again = f"run `unflub login {account.name}` to allow it anew"
    if why in ("invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"):
        return ConfigurationError(
            f"account {account.name}: {host} does not know this program ({why}); check "
            "oauth_client_id, oauth_client_secret and oauth_scope"
        )
    words = {
        "invalid_grant": "what you allowed was withdrawn or has run out",
        "access_denied": "you, or an administrator, did not allow it",
        "expired_token": "nobody allowed it in time",
    }.get(why, "it was not allowed")
    return CredentialsError(f"account {account.name}: {words}; {again}")


class _Landing:
    """Where the browser comes back to: one page, on this machine alone.

    Each connection has a thread, for browsers open some in advance and say nothing on them.
    """

    def __init__(self) -> None:
        self.answers: list[dict[str, list[str]]] = []
        landing = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html; charset=utf-8")
                    self.end_headers()
                    self.wfile.write(_THANKS)
                finally:  # once it counts, the program may end, and this thread with it
                    landing.answers.append(parse_qs(urlsplit(self.path).query))

            def log_message(self, *_: object) -> None:
                """Keep the code out of every log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._server.timeout = _LOOK
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def code(self, state: str, patience: Seconds) -> str:
        """Wait for the answer to our question, which bears its state; others are passed over."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            self._server.handle_request()
            for answer in self.answers:
                if secrets.compare_digest(answer.get("state", [""])[0].encode(), state.encode()):
                    if "code" in answer:
                        return answer["code"][0]
                    raise OAuthError(answer.get("error", [""])[0])
        raise OAuthError("expired_token")
