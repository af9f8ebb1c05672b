"""Learn from token shards, and say which documents were learned from."""
