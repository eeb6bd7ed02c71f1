"""RFC 6962 trees: known answers of Certificate Transparency, and proofs against every kind of damage."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.audit import merkle, verifier

VECTORS = json.loads((Path(__file__).parent / "ct_vectors.json").read_text())

# Leaves and roots of the reference tests of Certificate Transparency.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_certificate_transparency(size: int) -> None:
    hashes = [merkle.leaf_hash(data) for data in CT_LEAVES[:size]]
    assert merkle.root(hashes).hex() == CT_ROOTS[size]
    tree = verifier.Tree()
    for leaf in hashes:
        tree.append(leaf)
    assert tree.root() == CT_ROOTS[size]


def _decoded(vector: dict[str, Any], *names: str) -> list[Any]:
    proof = [base64.b64decode(node) for node in vector["proof"] or []]
    return [*(base64.b64decode(vector[name]) for name in names), proof]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: v["name"])
def test_inclusion_vectors(vector: dict[str, Any]) -> None:
    root, leaf, proof = _decoded(vector, "root", "leafHash")
    found = merkle.verify_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, root)
    assert found is not vector["wantErr"]


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: v["name"])
def test_consistency_vectors(vector: dict[str, Any]) -> None:
    old, new, proof = _decoded(vector, "root1", "root2")
    found = merkle.verify_consistency(vector["size1"], vector["size2"], old, new, proof)
    assert found is not vector["wantErr"]


def test_the_vectors_have_both_answers() -> None:
    for kind in ("inclusion", "consistency"):
        answers = [vector["wantErr"] for vector in VECTORS[kind]]
        assert len(answers) == 98
        assert 0 < answers.count(False) < 98


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 32, 33])
def test_every_inclusion_proof_holds_for_its_leaf_only(size: int) -> None:
    hashes = leaves(size)
    root = merkle.root(hashes)
    for index in range(size):
        proof = merkle.inclusion_proof(hashes, index)
        for other in range(size):
            same = merkle.verify_inclusion(hashes[other], other, size, proof, root)
            assert same is (other == index)
        assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)
        for place in range(len(proof)):
            bad = [*proof]
            bad[place] = bytes([bad[place][0] ^ 1]) + bad[place][1:]
            assert not merkle.verify_inclusion(hashes[index], index, size, bad, root)
            assert not merkle.verify_inclusion(hashes[index], index, size, proof[:place], root)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 32, 33])
def test_every_consistency_proof_holds_for_its_prefix_only(size: int) -> None:
    hashes = leaves(size)
    root = merkle.root(hashes)
    rewritten = [merkle.leaf_hash(b"forged"), *hashes[1:]]
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(hashes, old)
        prefix = merkle.root(hashes[:old])
        assert merkle.verify_consistency(old, size, prefix, root, proof)
        assert not merkle.verify_consistency(old, size, merkle.root(rewritten[:old]), root, proof)
        forged = merkle.consistency_proof(rewritten, old)
        assert not merkle.verify_consistency(old, size, prefix, merkle.root(rewritten), forged)
        for place in range(len(proof)):  # also in the middle: immudb GHSA-672p-m5jq-mrh8
            bad = [*proof]
            bad[place] = bytes([bad[place][0] ^ 1]) + bad[place][1:]
            assert not merkle.verify_consistency(old, size, prefix, root, bad)
            assert not merkle.verify_consistency(old, size, prefix, root, proof[:place] + proof[place + 1 :])


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_frontier_goes_on_where_it_was_kept(first: int, more: int) -> None:
    hashes = leaves(first + more)
    frontier = merkle.Frontier()
    for leaf in hashes[:first]:
        frontier.append(leaf)
    frontier = merkle.Frontier(frontier.size, frontier.nodes)
    assert len(frontier.nodes) == first.bit_count()
    for leaf in hashes[first:]:
        frontier.append(leaf)
    assert frontier.root() == _slow_root(hashes)


def _slow_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1 word for word."""
    if len(hashes) < 2:
        return hashes[0] if hashes else merkle.EMPTY_ROOT
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return merkle.node_hash(_slow_root(hashes[:k]), _slow_root(hashes[k:]))


@pytest.mark.parametrize(("size", "nodes"), [(1, []), (2, [bytes(32)] * 2), (1, [bytes(31)]), (-1, [])])
def test_a_frontier_that_cannot_be_is_refused(size: int, nodes: list[bytes]) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        merkle.Frontier(size, nodes)


@pytest.mark.parametrize("index", [-1, 3])
def test_proofs_of_what_is_not_there_are_refused(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(leaves(3), index)
    with pytest.raises(IndexError):
        merkle.consistency_proof(leaves(3), index + 1 if index == 3 else index)
