"""Singular values by numpy, of matrices and of heads' circuits, for tests/spectra.rs."""

import json

import numpy
from safetensors.numpy import load_file


def rounded(values):
    return [float(f"{value:.7g}") for value in values]


def svd(matrix):
    return rounded(numpy.linalg.svd(matrix.astype(numpy.float64), compute_uv=False))


def circuits(q, k, v, o, n_heads, n_kv_heads):
    """Of matrices with outputs as rows: the spectrum of each head's QK and OV circuit."""
    q, k, v, o = (matrix.astype(numpy.float64) for matrix in (q, k, v, o))
    d_head = q.shape[0] // n_heads
    qk, ov = [], []
    for head in range(n_heads):
        of_q = slice(head * d_head, (head + 1) * d_head)
        kv_head = head // (n_heads // n_kv_heads)
        of_kv = slice(kv_head * d_head, (kv_head + 1) * d_head)
        full = (q[of_q].T @ k[of_kv], o[:, of_q] @ v[of_kv])
        for found, matrix in zip((qk, ov), full):
            found.append(svd(matrix)[:d_head])
        if head == n_heads - 1:
            cells = [[rounded(row[2:9]) for row in matrix[3:6]] for matrix in full]
    return {"qk": qk, "ov": ov, "cells_of_last": cells}


def make(here):
    gpt2 = load_file(here / "gpt2/model.safetensors")
    gpt2 = {name.removeprefix("transformer."): tensor for name, tensor in gpt2.items()}
    d = gpt2["wte.weight"].shape[1]
    fused = gpt2["h.0.attn.c_attn.weight"].T
    llama = load_file(here / "llama/model.safetensors")
    llama = {name.removeprefix("model."): tensor for name, tensor in llama.items()}
    of_llama = [llama[f"layers.1.self_attn.{name}_proj.weight"] for name in "qkvo"]
    found = {
        "gpt2": {
            "matrices": {
                "embed.W_E": svd(gpt2["wte.weight"]),
                "blocks.0.attn.W_Q": svd(fused[:d]),
                "blocks.1.mlp.W_in": svd(gpt2["h.1.mlp.c_fc.weight"].T),
                "blocks.1.mlp.W_out": svd(gpt2["h.1.mlp.c_proj.weight"].T),
            },
        },
        "llama": {
            "matrices": {
                "blocks.1.attn.W_K": svd(of_llama[1]),
                "blocks.0.mlp.W_out": svd(llama["layers.0.mlp.down_proj.weight"]),
            },
            "layer": 1,
            **circuits(*of_llama, n_heads=5, n_kv_heads=1),
        },
    }
    (here / "spectra.json").write_text(json.dumps(found, indent=1) + "\n")
