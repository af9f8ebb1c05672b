"""Forms that others ask to be filled in, each from the card's facts: every field says whether it was computed, said by people, or is open.

book.py       what a filled form is           croissant.py  Croissant 1.1 with RAI
hub.py        front matter of the Hub         eu.py         AI Act, Art. 53(1)(d)
ab2013.py     California, AB 2013             dpi.py        Data & Trust Alliance, provenance
written.py    a form as Markdown
"""
