"""Web servers on this machine; and one for inputs by https:// and http://, as well or badly behaved as a test wants it."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Handler(BaseHTTPRequestHandler):
    """What all of them do."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", *, length=True, whole=True, **headers):
        """One answer, which may tell no length, or break off in the middle; a HEAD gets no body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.close_connection = not (length and whole)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if whole else body[: len(body) // 2])

    def wanted(self, size):
        """(start, end) of the part that is asked for of so many bytes; None for all."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        return (int(found[1]), min(int(found[2]) + 1, size)) if found else None


class Server(ThreadingHTTPServer):
    """Says nothing of clients that go away."""

    def handle_error(self, *_):
        pass


@contextmanager
def running(handler, context=None):
    """The port of a server with these handlers; with an SSL context it speaks TLS."""
    server = Server(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Site:
    """files: path → bytes; asked: (method, path) of every request. ranges: it sends parts of files; length: it tells lengths; cut: the next so
    many answers with a body break off in the middle; status: what it answers instead of a file."""

    def __init__(self, files, *, ranges=True, length=True, cut=0, status=None):
        self.files, self.ranges, self.length, self.cut, self.status = files, ranges, length, cut, status
        self.asked = []


def handler(site):
    """A request handler over the site."""

    class OfSite(Handler):
        def tell(self, status, body=b"", **headers):
            whole = not (site.cut and body and self.command != "HEAD")
            site.cut -= not whole
            self.answer(status, body, length=site.length, whole=whole, **headers)

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)[1:]
            site.asked.append((self.command, path))
            data = site.files.get(path)
            if site.status:
                self.tell(site.status)
            elif path.startswith("moved/"):
                self.tell(302, Location=f"/{path.removeprefix('moved/')}")
            elif data is None:
                self.tell(404)
            elif site.ranges and (part := self.wanted(len(data))):
                start, end = part
                self.tell(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}", ETag='"x"')
            else:
                self.tell(200, data, Last_Modified="Sat, 28 Nov 2026 01:00:00 GMT")

        do_HEAD = do_GET  # noqa: N815

    return OfSite


@contextmanager
def serving(site, context=None):
    """The address of the site; with an SSL context by https."""
    with running(handler(site), context) as port:
        yield f"{'https' if context else 'http'}://localhost:{port}"
