"""A web server on this machine for inputs by https:// and http://, as well or badly behaved as a test wants it."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Site:
    """files: path → bytes; asked: (method, path, range) of every request. ranges: it sends parts of files; length: it tells lengths; cut: the next so
    many answers with a body break off in the middle; status: what it answers instead of a file."""

    def __init__(self, files, *, ranges=True, length=True, cut=0, status=None):
        self.files, self.ranges, self.length, self.cut, self.status = files, ranges, length, cut, status
        self.asked = []


def handler(site):
    """A request handler over the site."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), str(value))
            if site.length:
                self.send_header("Content-Length", str(len(body)))
            self.close_connection = not site.length
            self.end_headers()
            if self.command == "HEAD":
                return
            if site.cut and body:
                site.cut -= 1
                self.close_connection, body = True, body[: len(body) // 2]
            self.wfile.write(body)

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)[1:]
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            site.asked.append((self.command, path, wanted and wanted[0]))
            data = site.files.get(path)
            if site.status:
                self.answer(site.status)
            elif path.startswith("moved/"):
                self.answer(302, Location=f"/{path.removeprefix('moved/')}")
            elif data is None:
                self.answer(404)
            elif wanted and site.ranges:
                start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
                self.answer(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}", ETag='"x"')
            else:
                self.answer(200, data, Last_Modified="Sat, 28 Nov 2026 01:00:00 GMT")

        do_HEAD = do_GET  # noqa: N815

    return Handler


class Server(ThreadingHTTPServer):
    """Says nothing of clients that go away."""

    def handle_error(self, *_):
        pass


@contextmanager
def serving(site, context=None):
    """The address of the site; with an SSL context by https."""
    server = Server(("127.0.0.1", 0), handler(site))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
