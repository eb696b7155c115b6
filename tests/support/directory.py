"""A DNS server and a web server of a test's own, which tell of mail servers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingUDPServer

import dns.message
import dns.resolver
import dns.rrset
import trustme


@contextmanager
def dns_server(*records: str) -> Iterator[dns.resolver.Resolver]:
    """Serve records such as "example.org. MX 10 mx.example.org."; give a resolver that asks it."""
    known = [dns.rrset.from_text(*_split(record)) for record in records]

    class Answer(BaseRequestHandler):
        def handle(self) -> None:
            raw, sock = self.request
            query = dns.message.from_wire(raw)
            answer = dns.message.make_response(query)
            asked = query.question[0]
            answer.answer = [r for r in known if (r.name, r.rdtype) == (asked.name, asked.rdtype)]
            sock.sendto(answer.to_wire(), self.client_address)

    with _serving(ThreadingUDPServer(("127.0.0.1", 0), Answer)) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        yield resolver


@contextmanager
def web_server(pages: dict[str, bytes]) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Serve pages by HTTPS as "localhost"; give the port, and whom to trust.

    A page that begins with "->" is a redirection.
    """

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            if page is not None and page.startswith(b"->"):
                self.send_response(302)
                self.send_header("Location", page[2:].decode())
                page = b""
            else:
                self.send_response(200 if page is not None else 404)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = theirs.wrap_socket(server.socket, server_side=True)
    with _serving(server) as port:
        yield port, ours


def _split(record: str) -> tuple[str, int, str, str, str]:
    name, kind, value = record.split(" ", 2)
    return name, 60, "IN", kind, value


@contextmanager
def _serving(server: ThreadingHTTPServer | ThreadingUDPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)
