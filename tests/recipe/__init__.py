"""Tests of `curate.recipe`; a package, so that files may be called as elsewhere."""
