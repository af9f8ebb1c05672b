"""The order in which documents stand in the shards: a shuffle that is a function of seed and ids alone."""

import numpy as np
import pyarrow as pa

SEED_BYTES, ID_BYTES = 8, 16


def shuffle_keys(ids: pa.Array, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(key, sub): the halves, big-endian, of BLAKE3-128(seed as u64 LE, id) for every id; uint64[n] each."""
    from curate.kernels.blake3 import digests

    width = SEED_BYTES + ID_BYTES
    messages = np.empty((len(ids), width), dtype=np.uint8)
    messages[:, :SEED_BYTES] = np.frombuffer(seed.to_bytes(SEED_BYTES, "little"), dtype=np.uint8)
    if len(ids):
        raw = np.frombuffer(ids.buffers()[1], dtype=np.uint8)[ID_BYTES * ids.offset :][: ID_BYTES * len(ids)]
        messages[:, SEED_BYTES:] = raw.reshape(-1, ID_BYTES)
    out = np.empty((len(ids), 4), dtype=np.uint32)
    digests(np.arange(0, messages.size + width, width), messages.reshape(-1), np.arange(len(ids)), out)
    words = out.astype("<u4").view(">u8").astype(np.uint64)
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])
