"""The tools: numba over numpy; no Arrow, no Python objects. Each has a slow twin in the tests.

Compiled code is cached per machine (`locator.py`), a folder a kernel file, named by the digest of that file and of the kernel files it imports.
"""

from numba import config

THEIRS = "UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator,IPythonCacheLocator,ZipCacheLocator"

config.CACHE_LOCATOR_CLASSES = f"curate.kernels.locator.OfSources,{config.CACHE_LOCATOR_CLASSES or THEIRS}"  # type: ignore[attr-defined]
