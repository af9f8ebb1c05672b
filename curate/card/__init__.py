"""The data card: what a finished run did and what is in it, counted from its ledger and tables.

folder.py    a run's folder, opened and checked      tally.py     exact counts of values
facts.py     the folder → one manifest of facts      content.py   the part of it that is read from the rows
render.py    the manifest → card/README.md           sections.py  its tables
markdown.py  text of strangers in a Markdown page    lookup.py    rows by id or URL, through Bloom filters
"""
