"""Who may speak to the desk. Everything here is decided before a page is made.

The desk listens on loopback and shows text of strangers, so a web page that somebody has open in another tab, a name server that points a
strange name at 127.0.0.1, and text that looks like markup are what it must withstand:

Host                  only the names that the desk was started under (DNS rebinding)
key                   a random key for each person, in the address that is printed; then in a cookie, HttpOnly, SameSite=Strict
POST                  a token made from that key in each form, and Origin or Sec-Fetch-Site, where a browser sends them, of this desk
headers               no script, style, frame or connection but the desk's own files; nothing cached, no referrer, no type guessed
body                  at most a megabyte
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STEWARD, REVIEWER = "steward", "reviewer"
Role = Literal["reviewer", "steward"]
KEY_BYTES = 24
MAX_BODY = 1 << 20
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ENTRY = "expected the address that `curate review` printed, which holds a key"


@dataclass(frozen=True)
class Person:
    """Somebody who has a key."""

    name: str
    role: Role
    key: str = field(default_factory=lambda: secrets.token_urlsafe(KEY_BYTES), repr=False)

    @property
    def form_token(self) -> str:
        """What a form of this person must send back; nothing of the key can be learned from it."""
        return hmac.new(self.key.encode(), b"form", hashlib.sha256).hexdigest()[:32]


class Guard:
    """ASGI middleware: asks all of the above, and puts `person` into the request's state."""

    def __init__(self, app: ASGIApp, people: Sequence[Person], hosts: Sequence[str], cookie: str):
        self.app, self.people, self.hosts, self.cookie = app, tuple(people), frozenset(hosts), cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, with_headers)
        else:
            await self.app(scope, _bounded(receive), with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        """An answer instead of a page, or None where the request may pass."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self.hosts:
            return PlainTextResponse(f"host: expected one of {sorted(self.hosts)}, got another; {ENTRY}", 421)
        if scope["path"].startswith("/assets/"):
            return None
        query = QueryParams(scope["query_string"])
        if "key" in query and scope["path"] == "/":
            return self._enter(query["key"])
        person = self._who(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""))
        if person is None:
            return PlainTextResponse(f"{ENTRY}, got none that is valid; copy it from the terminal", 403)
        scope.setdefault("state", {})["person"] = person
        return None if scope["method"] in ("GET", "HEAD") else self._foreign(headers)

    def _who(self, key: str) -> Person | None:
        """The person with a key; all keys are compared, in constant time each."""
        found = [one for one in self.people if hmac.compare_digest(one.key.encode(), key.encode("utf-8", "replace"))]
        return found[0] if found else None

    def _enter(self, key: str) -> Response:
        """Take the key out of the address and into a cookie."""
        person = self._who(key)
        if person is None:
            return PlainTextResponse(f"{ENTRY}, got another key; a desk that was started anew has new ones", 403)
        answer = RedirectResponse("/overview", 303)
        answer.set_cookie(self.cookie, person.key, httponly=True, samesite="strict", path="/")
        return answer

    def _foreign(self, headers: Headers) -> Response | None:
        """Refuses what another site sends; the form's token is compared where the form is read."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if (origin is not None and urlsplit(origin).netloc not in self.hosts) or site not in (None, "same-origin", "none"):
            return PlainTextResponse("origin: expected a form of this desk, got one of another site; open the desk itself", 403)
        if int(headers.get("content-length") or 0) > MAX_BODY:
            return PlainTextResponse(f"body: expected at most {MAX_BODY} bytes, got {headers['content-length']}; send less", 413)
        return None


def _bounded(receive: Receive) -> Receive:
    """A body that says no length is cut off as well."""
    got = 0

    async def bounded() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        return message if got <= MAX_BODY else {"type": "http.disconnect"}

    return bounded


def honest(person: Person, token: str) -> bool:
    """Whether a form was made for this person by this desk."""
    return hmac.compare_digest(person.form_token.encode(), token.encode("utf-8", "replace"))
