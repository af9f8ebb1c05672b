"""The order in which documents stand in the shards: a shuffle that is a function of seed and ids alone."""

import numpy as np
import pyarrow as pa

from curate.shards.format import TEST, TRAIN, VALIDATION

SEED_BYTES, ID_BYTES = 8, 16


def shuffle_keys(ids: pa.Array, seed: int, purpose: bytes = b"") -> tuple[np.ndarray, np.ndarray]:
    """(key, sub): the halves, big-endian, of BLAKE3-128(seed as u64 LE, id, purpose) for every id; uint64[n] each.

    The order of the shards has no purpose; other draws have one of their own, so that they do not depend on that order.
    """
    from curate.kernels.blake3 import digests

    width = SEED_BYTES + ID_BYTES + len(purpose)
    messages = np.empty((len(ids), width), dtype=np.uint8)
    messages[:, :SEED_BYTES] = np.frombuffer(seed.to_bytes(SEED_BYTES, "little"), dtype=np.uint8)
    if len(ids):
        raw = np.frombuffer(ids.buffers()[1], dtype=np.uint8)[ID_BYTES * ids.offset :][: ID_BYTES * len(ids)]
        messages[:, SEED_BYTES : SEED_BYTES + ID_BYTES] = raw.reshape(-1, ID_BYTES)
        messages[:, SEED_BYTES + ID_BYTES :] = np.frombuffer(purpose, dtype=np.uint8)
    out = np.empty((len(ids), 4), dtype=np.uint32)
    digests(np.arange(0, messages.size + width, width), messages.reshape(-1), np.arange(len(ids)), out)
    words = out.astype("<u4").view(">u8").astype(np.uint64)
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])


def splits(ids: pa.Array, seed: int, validation: float, test: float) -> np.ndarray:
    """uint8[n]: train, validation or test by the hash of ids (of clusters, so that near-duplicates stand on one side)."""
    draws = shuffle_keys(ids, seed, b"split")[0] / 2.0**64
    return np.where(draws < test, TEST, np.where(draws < test + validation, VALIDATION, TRAIN)).astype(np.uint8)
