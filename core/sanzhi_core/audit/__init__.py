"""The audit trail: append-only entries, sealed into one signed Merkle tree, with a stand-alone verifier."""
