"""What a change of recipe or input did: two runs compared.

flips.py   documents whose fate changed, by rule, with samples    drift.py   how far apart two corpora are
report.py  both, and the changed fields of the recipe, as JSON    text.py    on a terminal
page.py    as one HTML file
"""
