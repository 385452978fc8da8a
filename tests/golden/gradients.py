"""Gradients of small transformers and ten steps of AdamW by PyTorch, in f64, for
tests/gradients.rs."""

import json

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

D, N_HEADS, D_MLP, N_LAYERS, D_VOCAB = 32, 4, 48, 2, 37
N_SEQUENCES, T = 3, 11
EPS = 1e-5

# Where norms stand, which they are, and what else differs, so that each op is met.
KINDS = {
    "pre_layer": dict(post=False, rms=False, act="gelu_erf", n_kv_heads=4, positions="learned", smoothing=0.0),
    "post_layer": dict(post=True, rms=False, act="relu", n_kv_heads=4, positions="learned", smoothing=0.1),
    "pre_rms": dict(post=False, rms=True, act="silu", n_kv_heads=2, positions="rotary", smoothing=0.0),
    "post_rms": dict(post=True, rms=True, act="gelu_tanh", n_kv_heads=1, positions="alibi", smoothing=0.0),
}


def parameters(kind, generator):
    """Tied to the head is the embedding of `pre_layer`; biases only where LayerNorm is."""
    d_head = D // N_HEADS
    d_kv = kind["n_kv_heads"] * d_head

    def normal(*shape, mean=0.0, scale=0.2):
        return mean + scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    has_bias = not kind["rms"]
    found = {"embed": normal(D_VOCAB, D)}
    if kind["positions"] == "learned":
        found["positions"] = normal(T, D)
    for layer in range(N_LAYERS):
        at = f"blocks.{layer}."
        found |= {at + "q": normal(D, D), at + "k": normal(d_kv, D)}
        found |= {at + "v": normal(d_kv, D), at + "o": normal(D, D)}
        found |= {at + "in": normal(D_MLP, D), at + "out": normal(D, D_MLP)}
        if kind["act"] == "silu":
            found[at + "gate"] = normal(D_MLP, D)
        for norm in ("ln1", "ln2"):
            found[at + norm + ".gain"] = normal(D, mean=1.0)
        if has_bias:
            found |= {at + "ln1.bias": normal(D), at + "ln2.bias": normal(D)}
            found |= {at + "v.bias": normal(d_kv), at + "o.bias": normal(D)}
            found |= {at + "in.bias": normal(D_MLP), at + "out.bias": normal(D)}
    if not kind["post"]:
        found["ln_final.gain"] = normal(D, mean=1.0)
        if has_bias:
            found["ln_final.bias"] = normal(D)
    if kind is not KINDS["pre_layer"]:
        found["unembed"] = normal(D_VOCAB, D)
    return {name: value.float() for name, value in found.items()}


def rotated(x):
    """x [B, heads, T, d]: the first half of a head's columns with the second."""
    d = x.shape[-1]
    frequency = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequency
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)


def loss_of(kind, p, ids, targets):
    d_head = D // N_HEADS

    def norm(x, name):
        gain, bias = p[name + ".gain"], p.get(name + ".bias")
        if kind["rms"]:
            return x / (x.pow(2).mean(-1, keepdim=True) + EPS).sqrt() * gain
        return F.layer_norm(x, (D,), gain, bias, EPS)

    def heads(x, name, n):
        y = F.linear(x, p[name], p.get(name + ".bias"))
        return y.view(N_SEQUENCES, T, n, d_head).transpose(1, 2)

    def attend(x, at):
        q = heads(x, at + "q", N_HEADS)
        k = heads(x, at + "k", kind["n_kv_heads"])
        v = heads(x, at + "v", kind["n_kv_heads"])
        if kind["positions"] == "rotary":
            q, k = rotated(q), rotated(k)
        k = k.repeat_interleave(N_HEADS // kind["n_kv_heads"], 1)
        v = v.repeat_interleave(N_HEADS // kind["n_kv_heads"], 1)
        scores = q @ k.transpose(-1, -2) * d_head**-0.5
        if kind["positions"] == "alibi":
            slopes = 2.0 ** (-8.0 * torch.arange(1, N_HEADS + 1, dtype=torch.float64) / N_HEADS)
            at_t = torch.arange(T, dtype=torch.float64)
            scores = scores + slopes[:, None, None] * (at_t[None, :] - at_t[:, None])
        scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
        z = scores.softmax(-1) @ v
        z = z.transpose(1, 2).reshape(N_SEQUENCES * T, D)
        return F.linear(z, p[at + "o"], p.get(at + "o.bias"))

    def mlp(x, at):
        inner = F.linear(x, p[at + "in"], p.get(at + "in.bias"))
        inner = {
            "gelu_erf": F.gelu,
            "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
            "relu": F.relu,
            "silu": lambda inner: F.silu(F.linear(x, p[at + "gate"])) * inner,
        }[kind["act"]](inner)
        return F.linear(inner, p[at + "out"], p.get(at + "out.bias"))

    x = p["embed"][ids]
    if kind["positions"] == "learned":
        x = x + p["positions"][torch.arange(N_SEQUENCES * T) % T]
    for layer in range(N_LAYERS):
        at = f"blocks.{layer}."
        if kind["post"]:
            x = norm(x + attend(x, at), at + "ln1")
            x = norm(x + mlp(x, at), at + "ln2")
        else:
            x = x + attend(norm(x, at + "ln1"), at)
            x = x + mlp(norm(x, at + "ln2"), at)
    if not kind["post"]:
        x = norm(x, "ln_final")
    logits = x @ p.get("unembed", p["embed"]).T
    return F.cross_entropy(logits, targets, ignore_index=-100, label_smoothing=kind["smoothing"])


@torch.enable_grad()
def make(here):
    for seed, (name, kind) in enumerate(KINDS.items()):
        generator = torch.Generator().manual_seed(seed)
        start = parameters(kind, generator)
        ids = torch.randint(D_VOCAB, (N_SEQUENCES * T,), generator=generator)
        targets = torch.randint(D_VOCAB, (N_SEQUENCES * T,), generator=generator)
        targets[::7] = -100
        leaves = {key: value.double().requires_grad_() for key, value in start.items()}
        loss = loss_of(kind, leaves, ids, targets)
        loss.backward()
        found = {f"start.{key}": value for key, value in start.items()}
        found |= {f"gradient.{key}": leaf.grad.float() for key, leaf in leaves.items()}
        # Matrices decay, vectors do not; the gradients are cut.
        groups = [
            {"params": [leaf for leaf in leaves.values() if leaf.dim() == 2], "weight_decay": 0.1},
            {"params": [leaf for leaf in leaves.values() if leaf.dim() == 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-6)
        losses, norms = [], []
        for step in range(10):
            for group in optimiser.param_groups:
                group["lr"] = 1e-2 * (step + 1) / 10
            optimiser.zero_grad()
            loss = loss_of(kind, leaves, ids, targets)
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(list(leaves.values()), 0.5).item())
            optimiser.step()
            losses.append(loss.item())
        found |= {f"end.{key}": leaf.detach().float() for key, leaf in leaves.items()}
        metadata = {
            "ids": ids.tolist(),
            "targets": [target if target >= 0 else 0xFFFFFFFF for target in targets.tolist()],
            "losses": losses,
            "norms": norms,
        }
        metadata = {key: json.dumps(value) for key, value in metadata.items()}
        save_file(found, here / f"gradients_{name}.safetensors", metadata)
