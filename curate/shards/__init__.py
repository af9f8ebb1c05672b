"""The back door: settle, and token shards with their manifest."""
