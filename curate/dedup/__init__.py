"""Duplicates, whichever barrier looks for them: which copy stays, who is connected with whom, and whose claims contradict each other.

keep.py        the order by which the best of several is kept, and groups of equal digests
deciding.py    which of a graph of similar documents stay, in rounds
claims.py      which copy of a passage stays, in rounds
families.py    which documents are connected, however far apart, in rounds
laundering.py  copies that claim different rights
"""
