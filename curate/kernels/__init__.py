"""The tools: numba over numpy; no Arrow, no Python objects. Each has a slow twin in the tests."""
