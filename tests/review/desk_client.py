"""A person at a desk without a browser: follows addresses, fills in forms as they stand on the page."""

import re

from starlette.testclient import TestClient

from curate.review.app import make
from curate.review.desk import Desk
from curate.review.guard import Person
from curate.store import Store

HOST = "127.0.0.1:8400"
PEOPLE = (Person("Ada", "steward", "ada-key"), Person("Bo", "reviewer", "bo-key"), Person("Cy", "reviewer", "cy-key"))


def desk_of(root, **options):
    """The desk of a run, its index made."""
    desk = Desk(Store(str(root)), root / "review", **options)
    desk.wait()
    return desk


def client(desk, key="ada-key", **headers):
    """A client with somebody's key in its cookie."""
    made = TestClient(make(desk, PEOPLE, [HOST]), base_url=f"http://{HOST}", headers=headers, follow_redirects=False)
    made.cookies.set("curate_desk", key)
    return made


def token(page: str) -> str:
    """The token that a form of the page holds."""
    return re.search(r'name="token" value="([0-9a-f]+)"', page).group(1)


def send(who, to, page=None, /, follow=True, **fields):
    """Fill in a form of `page` (default: the address) and send it; the page that comes then."""
    held = who.get(page or to)
    answer = who.post(to, data={"token": token(held.text)} | fields)
    return who.get(answer.headers["location"]) if follow and answer.status_code == 303 else answer
