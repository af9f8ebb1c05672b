"""Forgetting: what somebody objects to leaves a finished run, every place of it, and does not come in again.

request.py    who is meant: ids, addresses, hosts → documents; their copies
tables.py     documents/, removed/ and the ledger
places.py     shards, the index of a family of runs, exports, what was looked up beforehand
run.py        all of it in an order that a crash does not harm; the receipt

    forgotten/suppress.txt suppress.key    keyed hashes that later runs compare with (`curate.suppress`)
    forgotten/ids.bin                      ids of all that was forgotten, which later shards leave out
    forgotten/request-00001.json           the receipt: counts by place, manifests before and after; no address, no text
"""
