"""A hub of data sets on this machine: it answers what huggingface_hub's file system asks of one, from files in memory."""

import hashlib
import json
import re
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from read.web import Handler, running

REPOSITORY = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+)(?:/(?P<folder>.+))?)?$")
FILE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)$")


class Hub:
    """files: (repository, revision) → path → bytes; asked: the ranges of files that were sent."""

    def __init__(self, files):
        self.files = files
        self.asked = []

    def tree(self, repo, revision, folder, deep):
        """Files and folders right below a folder, or files all the way down, as the hub's API lists them."""
        found = {}
        for path, data in self.files[repo, revision].items():
            if folder and not path.startswith(folder + "/"):
                continue
            rest = path.removeprefix(folder + "/" if folder else "")
            if deep:
                rest = rest.split("/")[-1]
            name = path.removesuffix(rest) + rest.split("/")[0]
            oid = hashlib.sha1(data).hexdigest()
            kind = {"type": "directory", "size": 0} if "/" in rest else {"type": "file", "size": len(data)}
            found[name] = {"path": name, "oid": oid, **kind}
        return list(found.values())


def handler(hub):
    """A request handler over the hub."""

    class OfHub(Handler):
        def do_GET(self):  # noqa: N802
            path = unquote(urlsplit(self.path).path)
            if found := REPOSITORY.match(path):
                self.repository(**found.groupdict())
            elif found := FILE.match(path):
                self.file(**found.groupdict())
            else:
                self.answer(404)

        do_HEAD = do_GET  # noqa: N815

        def known(self, repo, revision):
            if not any(name == repo for name, _ in hub.files):
                self.answer(401, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
            elif (repo, revision) not in hub.files:
                self.answer(404, X_Error_Code="RevisionNotFound", X_Error_Message=f"Invalid rev id: {revision}")
            else:
                return True
            return False

        def repository(self, repo, what, revision, folder):
            if not self.known(repo, revision or "main"):
                return
            if what == "tree":
                listed = hub.tree(repo, revision, folder or "", "recursive=true" in self.path.lower())
                if folder and not listed:
                    self.answer(404, X_Error_Code="EntryNotFound", X_Error_Message="not there")
                    return
                answer = listed
            else:
                answer = {"id": repo, "sha": "0" * 40, "private": False, "tags": [], "downloads": 0, "likes": 0}
            self.answer(200, json.dumps(answer).encode(), Content_Type="application/json")

        def file(self, repo, revision, path):
            if not self.known(repo, revision):
                return
            data = hub.files[repo, revision].get(path)
            if data is None:
                self.answer(404, X_Error_Code="EntryNotFound", X_Error_Message="not there")
                return
            part = self.wanted(len(data))
            if not part:
                self.answer(200, data, ETag='"x"')
                return
            start, end = part
            hub.asked.append((revision, path, start, end))
            self.answer(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}")

    return OfHub


@contextmanager
def serving(hub):
    """The address of the hub."""
    with running(handler(hub)) as port:
        yield f"http://127.0.0.1:{port}"
