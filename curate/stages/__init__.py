"""The rooms: one stage a file, nothing else in it. `curate.stage` finds them by their file names."""
