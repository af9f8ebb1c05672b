"""The data card: what a finished run did and what is in it, counted from its ledger and tables.

folder.py     a run's folder, opened and checked     facts.py      the folder → one manifest of facts
manifest.py   the form of the facts                  content.py    what is counted over the rows
tally.py      exact counts of values                 measures.py   how measures are spread
lengths.py    text and tokens of a document by id    questions.py  what only people can answer
publish.py    the files of card/                     forms/        what others ask for: Hub, Croissant, EU, California, DPI
page.py       card.html, html.py, plots.py           render.py     card/README.md, sections.py, markdown.py
lookup.py     rows by id or URL, through Bloom filters
"""
