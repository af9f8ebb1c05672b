"""The slow twin of the page scanner: what is read in one piece: scripts and styles, formulas, frames, and the images of a page."""

import re

from curate.kernels import html_tables as known

WHITE = " \t\n\x0b\x0c\r"
FEED = str.maketrans({chr(c): chr(c + 32) for c in range(65, 91)})


def lower(text):
    return text.translate(FEED)


class Raw:
    """The part of `naive_html.Scanner` that looks ahead in the page."""

    def raw_end(self, name, at):
        if name in self.lost:
            return -1
        found = re.compile(rf"</{name}(?=[{WHITE}/>]|\Z)", re.IGNORECASE | re.ASCII).search(self.page, at)
        if not found:
            self.lost.add(name)
        return found.start() if found else -1

    def past(self, at):
        end = self.page.find(">", at)
        return end + 1 if end >= 0 else len(self.page)

    def raw(self, name, at):
        found, closed, at = self.attributes(at)
        closed = closed or lower(self.page[:at]).endswith(f"</{name}>")
        if (closed and name not in ("script", "style", "title", "textarea")) or (self.open_noscript and name in ("noscript", "template")):
            return at
        end = self.raw_end(name, at)
        if end < 0:
            return len(self.page) if name in ("script", "style") else at
        content = self.page[at:end]
        kind = lower(dict(found).get("type", "")) if name == "script" else ""
        if name == "title" and not self.title:
            self.title = content
        elif kind.startswith("application/ld+json"):
            self.types(content)
            self.longest_body(content)
        elif kind.startswith("math/tex"):
            self.verbatim(content, at)
        return self.past(end)

    def types(self, script):
        at = 0
        for _ in range(64):
            found = re.compile('"@type"', re.IGNORECASE | re.ASCII).search(script, at)
            if not found:
                return
            at, many = found.end(), False
            for _ in range(3):
                lead = re.compile(f"[{WHITE}:,\\[]*").match(script, at)
                many, at = many or "[" in lead[0], lead.end()
                if script[at : at + 1] != '"':
                    break
                end = script.find('"', at + 1)
                if end < 0:
                    return
                self.sign(script[at + 1 : end])
                at = end + 1
                if not many:
                    break

    def longest_body(self, script):
        at = 0
        while (capital := script.find("B", at)) >= 0:
            at = capital + 1
            if capital < 8 or script[capital - 8 : capital + 5] != '"articleBody"':
                continue
            at = re.compile(f"[{WHITE}:]*").match(script, capital + 5).end()
            if script[at : at + 1] != '"':
                continue
            value = re.compile(r'((?:[^"\\]|\\.)*)"', re.DOTALL).match(script, at + 1)
            if not value:
                return
            if len(value[1].encode()) > len(self.body.encode()):
                self.body = value[1]
            at = value.end()

    def sign(self, word):
        for at, words in enumerate(known.SIGN_WORDS.values()):
            if word in words.split():
                self.signs |= 1 << at

    def verbatim(self, tex, begins):
        if tex:
            inner, self.base = self.page, len(self.page[:begins].encode())
            self.page, self.here, at = tex, 0, 0
            self.put("$")
            while at < len(tex):
                self.here = at
                at = self.reference(at) if tex[at] == "&" else self.put(tex[at]) or at + 1
            self.page, self.base = inner, 0
            self.put("$")

    def math(self, at):
        found, _, at = self.attributes(at)
        tex, begins = dict(found).get("alttext", ""), self.values.get("alttext", 0)
        end = self.raw_end("math", at)
        if end < 0:
            return at
        note = re.compile("application/x-tex", re.IGNORECASE | re.ASCII).search(self.page, at, end)
        if note:
            first = self.page.find(">", note.start()) + 1
            last = self.page.find("<", first)
            if first > 0 and first < last <= end:
                tex, begins = self.page[first:last], first
        if not tex:
            return at
        self.verbatim(tex, begins)
        return self.past(end)

    def special(self, name, at):
        if name == "math":
            return self.math(at)
        found, _, after = self.attributes(at)
        if name == "meta":
            key, content = "", ""
            for attribute, value in found:
                key = lower(value) if attribute in ("property", "name") else key
                content = value if attribute == "content" else content
            if key == "og:type":
                self.sign(lower(content))
            elif key == "article:published_time":
                self.sign(key)
        elif name == "br":
            self.line_break()
        elif name == "a":
            self.link = len(self.stack)
            if self.block is not None:
                self.block.counts["links"] += 1
        elif name == "img":
            self.image(found)
        elif name in ("rt", "rp"):
            following = self.page.find("<", after)
            after = following if following >= 0 else len(self.page)
        else:
            self.end_block()
            if self.over == 0 and self.top() == "p":
                self.pop()
        return after

    def image(self, found):
        src = alt = ""
        for key, value in found:
            if key in ("data-src", "data-original", "data-lazy-src") or (key == "src" and not src and not lower(value).startswith("data:")):
                src = value
            elif key == "alt":
                alt = value
        if src and len(self.images) < known.MAX_IMAGES:
            self.images.append((src, alt, len(self.blocks)))
