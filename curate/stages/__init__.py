"""The rooms: one stage a file, nothing else in it. Adding a filter is one file here and its test."""
