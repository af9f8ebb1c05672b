"""Consent: what pages and hosts say to machines about training, mechanism by mechanism, and the policies that resolve it.

Each mechanism is read by its own rules and gives signals; a policy says which mechanisms bind, and the most restrictive of those decides.
Facts of the mechanisms are those of their specifications (RFC 9309, AIPREF vocab-07 and attach-05, Content Signals, TDMRep, RSL 1.0, ai.txt), told in
governance notes §2. Nothing here fetches anything.
"""
