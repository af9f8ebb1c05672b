"""Are the ids of all backends the same on all labelled data beside the checkout?

    python -m tests.bench.same_ids FOLDER [MEGABYTES_FOR_TOKENIZERS] [PATTERN] [SET …]

Every file of every set, decompressed, archives unpacked, is encoded whole by the kernel of ours and by `gigatoken`; `tokenizers`, which is
slow, takes so many megabytes of each set (default 1). Both patterns and all sets, unless they are named. Prints a line a set; fails at the
first difference.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.tokenizer.encode import Encoder
from tests.tokenizer import reference
from tests.tokenizer.test_shared_data import texts
from tests.tokenizer.texts import docstrings


def compare(rows, encoders):
    """Bytes and tokens, after all encoders gave the same ids."""
    array = pa.array(rows, pa.large_string())
    results = [encoder.encode(array) for encoder in encoders]
    for encoder, (offsets, tokens) in zip(encoders[1:], results[1:], strict=True):
        if not (np.array_equal(offsets, results[0][0]) and np.array_equal(tokens, results[0][1])):
            raise SystemExit(f"{encoder.backend} and {encoders[0].backend} differ")
    return sum(len(row.encode()) for row in rows) / 1e6, len(results[0][1])


def main():
    """Print the table."""
    folder, megabytes = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    wanted = sys.argv[4:]
    for pattern in sys.argv[3:4] or ("gpt2", "gpt4"):
        data = reference.tokenizer_json(docstrings(1_000_000), pattern, vocab_size=16_000)
        encoders = [Encoder(data, backend=backend) for backend in ("kernel", "gigatoken", "tokenizers")]
        for one in sorted(path for path in folder.iterdir() if path.is_dir()):
            if wanted and one.name not in wanted:
                continue
            whole = compare(texts(one, 1 << 40), encoders[:2])
            slow = compare(texts(one, int(megabytes * 1e6)), encoders)
            print(f"{pattern} {one.name:<34}{whole[0]:>9.2f} MB {whole[1]:>12,} tokens; tokenizers on {slow[0]:.2f} MB: same", flush=True)


if __name__ == "__main__":
    main()
