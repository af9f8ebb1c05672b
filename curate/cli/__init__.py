"""Families of verbs of the command line, one file each; `curate/__main__.py` hooks them in."""
