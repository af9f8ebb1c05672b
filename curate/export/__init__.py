"""Token shards written as other trainers read them."""
