"""The slow twin of the page scanner: the same rules over characters, with lists, dictionaries and regular expressions."""

import contextlib
import re
from dataclasses import dataclass, field
from html.entities import html5

from naive_html_raw import WHITE, Raw, lower

from curate.kernels import html_tables as known

SPACES = "\xa0\u3000\x85\u202f\u205f\u2028\u2029\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]")
CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
MARKS = re.compile("[\u2010-\u2bff\u3000-\u303f\x80-\xbf\uff00-\uff20]")
REFERENCE = re.compile(r"&(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|([A-Za-z0-9]+)(;?))")


@dataclass
class Block:
    element: int
    pre: bool
    at: int
    """The byte of the page at which its text begins; of a numeric reference the one after its `&`."""
    text: str = ""
    counts: dict = field(
        default_factory=lambda: dict.fromkeys(["units", "link", "commas", "enders", "digits", "capitals", "letters", "links", "breaks"], 0)
    )


@dataclass
class Element:
    tag: str
    parent: int
    first: int
    depth: int
    last: int = 0
    tokens: list = field(default_factory=list)
    hidden: bool = False
    signature: int = 0


def fnv(text, seed=0):
    key = 14695981039346656037 ^ seed
    for byte in text.encode():
        key = ((key ^ byte) * 1099511628211) % 2**64
    return key


class Scanner(Raw):
    """Reads a page: blocks, elements, images (url, alt, block), title, lang, signs, nesting."""

    def __init__(self, page, open_noscript=False):
        self.page, self.open_noscript = page, open_noscript
        self.blocks, self.images, self.block = [], [], None
        self.elements = [Element("", 0, 0, 0)]
        self.stack, self.over, self.link = [0], 0, 0
        self.space, self.word, self.broke = "", False, False
        self.title = self.lang = self.body = ""
        self.signs = self.boxes = self.nesting = 0
        self.lost, self.values = set(), {}  # values: where that of each attribute begins, the last one read
        self.base = self.here = at = 0
        while at < len(page):
            self.here = at
            at = self.tag(at) if page[at] == "<" else self.reference(at) if page[at] == "&" else self.put(page[at]) or at + 1
        self.end_block()
        self.close_to(1)
        self.elements[0].last = len(self.blocks)

    # text

    @property
    def in_pre(self):
        return any(self.elements[e].tag == "pre" for e in self.stack)

    def open_block(self):
        if self.block is None:
            self.block = Block(self.stack[-1], self.in_pre, self.base + len(self.page[: self.here].encode()))
            self.space, self.word, self.broke = "", False, False

    def end_block(self):
        if self.block is not None:
            self.block.text = self.block.text.rstrip("\n \t")
            if self.block.text:
                self.blocks.append(self.block)
            self.block, self.word = None, False

    def line_break(self):
        if self.block is None:
            return
        self.word = False
        if self.in_pre:
            self.block.text += "\n"
        elif self.broke:
            self.end_block()
        else:
            self.block.counts["breaks"] += 1
            self.broke, self.space = True, "\n"

    def white(self, char):
        self.word = False
        if not self.in_pre:
            self.space = self.space or " "
        elif char != "\r" and (self.block is not None or char != "\n"):
            self.open_block()
            self.block.text += char

    def put(self, char):
        if char in WHITE or char in SPACES:
            self.white(char if char in WHITE else " ")
        elif not DROPPED.match(char):
            self.put_solid(char)

    def put_solid(self, char):
        self.open_block()
        if self.space:
            self.block.text += self.space
            self.space, self.broke = "", False
        self.block.text += char
        self.count(char)

    def count(self, char):
        counts = self.block.counts

        def word(units):
            counts["units"] += units
            counts["link"] += units * (self.link > 0)

        if CJK.match(char):
            word(3)
            counts["letters"] += 1
            self.word = False
        elif char in "，、；،,":
            counts["commas"] += 1
            self.word = self.word and char == ","
        elif char in "。！？…؟।۔.!?":
            counts["enders"] += 1
            self.word = self.word and char in ".!?"
        elif MARKS.match(char) or (char < "\x80" and not char.isalnum()):
            pass
        else:
            if not self.word:
                word(5)
                self.word = True
            counts["digits"] += char in "0123456789"
            counts["letters"] += char not in "0123456789"
            counts["capitals"] += "A" <= char <= "Z"

    def reference(self, at):
        found = REFERENCE.match(self.page, at)
        if found and found.lastindex < 3:
            self.here = at + 1
            code = int(found[1]) if found[1] else int(found[2], 16)
            if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
                code = 0xFFFD
            elif 0x80 <= code < 0xA0:
                with contextlib.suppress(UnicodeDecodeError):  # five codes that windows-1252 leaves open
                    code = ord(bytes([code]).decode("cp1252"))
            self.put(chr(code))
            return found.end()
        name = found[3][: known.MAX_REFERENCE] if found else ""
        if found and len(found[3]) <= known.MAX_REFERENCE and name + found[4] in html5 and found[4]:
            return self.put_all(html5[name + ";"]) or found.end()
        for size in range(min(6, len(name)), 1, -1):
            if name[:size] in html5:
                return self.put_all(html5[name[:size]]) or at + 1 + size
        self.put("&")
        return at + 1

    def put_all(self, text):
        for char in text:
            self.put(char)

    # tags

    def attributes(self, at):
        """({name: [values]}, self-closed, position after the tag)"""
        page, found = self.page, []
        while True:
            while at < len(page) and (page[at] in WHITE or page[at] == "/"):
                at += 1
            if at >= len(page) or page[at] == ">":
                return found, at < len(page) and page[at - 1] == "/", min(at + 1, len(page))
            name = re.compile(rf"=?[^{WHITE}/>=]*").match(page, at)
            at, key, value = name.end(), lower(name[0]), ""
            equal = re.compile(rf"[{WHITE}]*=[{WHITE}]*").match(page, at)
            if equal:
                at = self.values[key] = equal.end()
                quote = page[at : at + 1]
                end = page.find(quote, at + 1) if quote and quote in "\"'" else -1
                if end >= 0:
                    value, at, self.values[key] = page[at + 1 : end], end + 1, at + 1
                else:
                    bare = re.compile(rf"[^{WHITE}>]*").match(page, at)
                    value, at = bare[0], bare.end()
            found.append((key, value))

    def tag(self, at):
        page = self.page
        found = re.compile(rf"<(/?)([A-Za-z][^{WHITE}/>]*)").match(page, at)
        if not found:
            if page[at : at + 2] in ("</", "<!", "<?"):
                return self.declared(at)
            self.put("<")
            return at + 1
        name, after = lower(found[2]), found.end()
        if name not in known.ID or name in ("", "-"):
            name = "-" if "-" in name else ""
        kind = known.KINDS[known.ID[name]]
        if kind == known.BLOCK:
            return self.start(name, after) if not found[1] else self.end(name, after)
        if found[1]:
            if name == "a":
                self.link = 0
            elif name == "br":
                self.line_break()
            return self.attributes(after)[2]
        if kind == known.INLINE:
            return self.attributes(after)[2]
        if kind == known.RAW:
            return self.raw(name, after)
        return self.special(name, after)

    def declared(self, at):
        page = self.page
        if page.startswith("<!--", at):
            if page.startswith("<!-->", at):
                return at + 5
            # `-->` may take the dashes that open the comment; `--!>` may not
            ends = [m.end() for m in (re.compile("-->").search(page, at + 3), re.compile("--!>").search(page, at + 4)) if m]
            if ends:
                return min(ends)
        end = page.find(">", at)
        return end + 1 if end >= 0 else len(page)

    def pop(self):
        element = self.elements[self.stack.pop()]
        element.last = len(self.blocks)
        if self.link > len(self.stack):
            self.link = 0

    def close_to(self, depth):
        while len(self.stack) > max(depth, 1):
            self.pop()

    def top(self, depth=-1):
        return self.elements[self.stack[depth]].tag

    def start(self, name, at):
        self.end_block()
        if name in ("div", "article", "ul", "ol"):
            self.boxes += 1
            self.nesting += self.boxes
        if self.over == 0:
            self.implied(name)
        found, _, at = self.attributes(at)
        if self.over or len(self.stack) == known.MAX_STACK:
            self.over += 1
            return at
        element = Element(name, self.stack[-1], len(self.blocks), len(self.stack), len(self.blocks))
        for key, value in found:
            self.attribute(element, key, value)
        self.stack.append(len(self.elements))
        self.elements.append(element)
        return at

    def attribute(self, element, key, value):
        if key in ("class", "id"):
            self.tokens(element, value, 0, key == "class")
        elif key in ("role", "itemprop", "itemtype"):
            self.tokens(element, value, 0x5A5A5A5A, False)
        elif (
            key == "hidden"
            or (key == "aria-hidden" and lower(value).startswith("true"))
            or (key == "style" and "display:none" in re.sub(f"[{WHITE}]", "", lower(value)))
        ):
            element.hidden = True
        elif key == "lang" and element.tag == "html" and not self.lang:
            self.lang = value

    @staticmethod
    def tokens(element, value, seed, signs):
        for word in re.findall(r"[A-Za-z\x80-\U0010ffff]+", re.sub("([a-z])(?=[A-Z])", r"\1 ", value)):
            if len(word.encode()) > 1 and len(element.tokens) < known.MAX_TOKENS:
                key = fnv(lower(word), seed)
                element.tokens.append((key ^ key >> 16 ^ key >> 32 ^ key >> 48) & 0xFFFF)
                if signs:
                    element.signature = (element.signature * 31 + element.tokens[-1] + 7) & 0x3FFFFFFF

    def implied(self, name):
        if name != "-" and self.top() == "p":
            self.pop()
        likes, stops = IMPLIED.get(name, ((), ()))
        if not any(self.elements[e].tag in likes for e in self.stack):
            return
        for depth in range(len(self.stack) - 1, 0, -1):
            if self.top(depth) in likes:
                self.close_to(depth)
                return
            if self.top(depth) in stops:
                return

    def end(self, name, at):
        at = self.attributes(at)[2]
        if name in ("html", "body"):
            return at
        self.end_block()
        if name in ("div", "article", "ul", "ol"):
            self.boxes = max(0, self.boxes - 1)
        if self.over:
            self.over -= 1
            return at
        if any(self.elements[e].tag == name for e in self.stack):
            for depth in range(len(self.stack) - 1, 0, -1):
                tag = self.top(depth)
                if tag == name:
                    self.close_to(depth)
                    break
                if tag == "table" or (name not in PARTS and tag in ("td", "th")) or (name == "li" and tag in ("ul", "ol", "menu")):
                    break
        return at


IMPLIED = {
    "li": (("li",), ("ul", "ol", "menu", "td", "th", "table")),
    **dict.fromkeys(("dt", "dd"), (("dt", "dd"), ("dl", "td", "th", "table"))),
    **dict.fromkeys(("td", "th"), (("td", "th"), ("tr", "table"))),
    "tr": (("tr",), ("table",)),
    **dict.fromkeys(("tbody", "thead", "tfoot"), (("tbody", "thead", "tfoot"), ("table",))),
}
PARTS = ("td", "th", "tr", "tbody", "thead", "tfoot", "table", "caption")
