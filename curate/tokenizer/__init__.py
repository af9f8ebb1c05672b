"""Tokenizer: pre-token counts, BPE merges, encoding, fingerprint."""
