"""Texts that every function over text must survive."""

TEXTS = [
    "",
    " ",
    "\n\n\n",
    "a",
    "\x00",
    "e\u0301",
    "👩‍👩‍👧",
    "שלום עולם",
    "你好。世界！再见",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e",
    "\r\n\r\n\r",
    "\ufeff\ufffd\ue000\U0010ffff",
    "line\n" * 50,
    "x" * 100_000,
    "a-" * 5_000 + "@",
    "no newline at end",
    "... … .... . .. ...",
    "{ [1] } lorem ipsum javascript\n[edit][citation needed]",
    "K\u212aé ſ İ ß ŉ",
    "&amp;amp; &lt;b&gt; Ã©tÃ© â€œquotedâ€\x9d",
    "http://a.b.c/d?e=f x@y.example.org 8.8.8.8 192.168.1.1",
    "The quick brown fox doesn't jump over Mr. O'Neill's dog, he said. It wouldn't! (Would it?) Yes; 5km at 10:30 a.m.\n\nThe end.",
    "٣٫١٤ 12,000,000 ½ №5 ²",
    None,
]
"""Empty, white space, controls, combining marks, emoji, right to left, CJK, odd breaks, long runs, markup-like and mojibake texts, and null."""
