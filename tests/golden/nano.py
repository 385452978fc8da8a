"""Small models put together from parts (`vitrine-nano`): each norm placement with each attention, written from
the papers' equations in f64. A folder each: config.json, model.safetensors, the gradients of a batch; of some
the hooks of texts and greedy continuations.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from common import cases, write_case
from linear import dpfp

HERE = Path(__file__).parent
D, N_HEADS, D_MLP, N_LAYERS, D_VOCAB, N_CTX = 24, 4, 40, 2, 41, 40
N_SEQUENCES, T = 2, 9
NORM_EPS, EPS = 1e-5, 1e-6

PLAIN = dict(
    norm_position="pre", norm="layer", attention="softmax", features="elu", normalised=True, positions="learned",
    activation="gelu", biases=True, tie_word_embeddings=False, is_decoder=True, n_kv_heads=N_HEADS,
)
CONFIGS = {
    "pre_softmax": dict(tie_word_embeddings=True),
    "post_softmax": dict(norm_position="post", positions="sinusoidal", activation="relu", is_decoder=False),
    "sandwich_softmax": dict(norm_position="sandwich", norm="rms", positions="rotary", activation="swiglu",
                             biases=False, n_kv_heads=2),
    "dual_softmax": dict(norm_position="residual-dual", positions="alibi", activation="gelu_new",
                         tie_word_embeddings=True),
    "pre_linear": dict(attention="linear", features="relu", normalised=False, norm="rms", positions="none",
                       activation="swiglu"),
    "post_linear": dict(norm_position="post", attention="linear", features="elu", activation="relu", biases=False,
                        is_decoder=False),
    "sandwich_linear": dict(norm_position="sandwich", attention="linear", features="dpfp2", positions="sinusoidal"),
    "dual_linear": dict(norm_position="residual-dual", norm="none", attention="linear", features="identity",
                        normalised=False, tie_word_embeddings=True),
    "pre_delta": dict(attention="delta", positions="none", tie_word_embeddings=True),
    # Of DPFP-1's few features all may be nearly nothing, and no f32 divides by their sum well.
    "post_delta": dict(norm_position="post", norm="rms", attention="delta", features="dpfp2", positions="sinusoidal",
                       activation="swiglu"),
    "sandwich_delta": dict(norm_position="sandwich", attention="delta", features="dpfp3", positions="rotary",
                           activation="relu", biases=False),
    "dual_delta": dict(norm_position="residual-dual", attention="delta", activation="gelu_new"),
}
# Those whose hooks are kept.
WITH_CASES = ["post_softmax", "sandwich_softmax", "dual_softmax", "post_linear", "sandwich_linear", "dual_linear",
              "post_delta"]

ACTIVATIONS = {
    "gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh"), "relu": F.relu, "swiglu": F.silu,
}


def phi(x, name):
    if name.startswith("dpfp"):
        return dpfp(x, int(name[4:]))
    return {"identity": x, "elu": F.elu(x) + 1, "relu": x.relu()}[name]


def parameters(c, generator):
    """Names and shapes of a checkpoint, values far from those of an initialisation."""
    d_kv = c["n_kv_heads"] * D // N_HEADS
    shapes = {"embed.weight": (D_VOCAB, D)}
    if c["positions"] == "learned":
        shapes["positions.weight"] = (N_CTX, D)

    def matrix(name, rows, cols):
        shapes[name + ".weight"] = (rows, cols)
        if c["biases"]:
            shapes[name + ".bias"] = (rows,)

    def norm(name):
        if c["norm"] != "none":
            shapes[name + ".weight"] = (D,)
        if c["norm"] == "layer" and c["biases"]:
            shapes[name + ".bias"] = (D,)

    for layer in range(N_LAYERS):
        at = f"blocks.{layer}."
        norm(at + "ln1")
        for name, rows in [("q", D), ("k", d_kv), ("v", d_kv), ("o", D)]:
            matrix(at + "attn." + name, rows, D)
        if c["attention"] == "delta":
            matrix(at + "attn.beta", N_HEADS, D)
        norm(at + "ln2")
        if c["norm_position"] == "sandwich":
            norm(at + "ln1_post")
            norm(at + "ln2_post")
        if c["activation"] == "swiglu":
            matrix(at + "mlp.gate", D_MLP, D)
        matrix(at + "mlp.in", D_MLP, D)
        matrix(at + "mlp.out", D, D_MLP)
    if c["norm_position"] != "post":
        norm("ln_final")
    if not c["tie_word_embeddings"]:
        shapes["unembed.weight"] = (D_VOCAB, D)
    # Without norms nothing holds the stream where it is.
    calm = 0.5 if c["norm"] == "none" else 1.0

    def draw(name, shape):
        noise = torch.randn(*shape, generator=generator)
        if len(shape) == 1:
            return 1 + 0.3 * noise if "ln" in name and name.endswith("weight") else 0.2 * noise
        is_table = name in ("embed.weight", "positions.weight")
        return noise * (0.5 if is_table else calm / math.sqrt(shape[1]))

    return {name: draw(name, shape) for name, shape in shapes.items()}


class Nano:
    """The forward pass of one sequence; what hooks see is kept in `values`."""

    def __init__(self, config, p):
        self.c, self.p, self.values = config, p, {}

    def put(self, name, value):
        self.values[name] = value.detach()
        return value

    def norm(self, x, name):
        c = self.c
        if c["norm"] == "none":
            return x
        mean = x.mean(-1, keepdim=True)
        centred = x - mean if c["norm"] == "layer" else x
        scale = (centred.pow(2).mean(-1, keepdim=True) + NORM_EPS).sqrt()
        y = centred / scale * self.p[name + ".weight"] + self.p.get(name + ".bias", 0.0)
        self.put(name + ".hook_mean", mean)
        self.put(name + ".hook_scale", scale)
        self.put(name + ".hook_normalized", x / scale if c["norm"] == "rms" else y)
        return y

    def linear(self, x, name):
        return F.linear(x, self.p[name + ".weight"], self.p.get(name + ".bias"))

    def rotated(self, x):
        n, d = x.shape[0], x.shape[-1]
        angle = torch.arange(n, dtype=x.dtype)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=x.dtype) / d)
        a, b = x[..., : d // 2], x[..., d // 2 :]
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

    def softmax(self, q, k, v, at):
        """q [T, H, d], k, v [T, KV, d] -> [T, H, d]"""
        n, group = q.shape[0], N_HEADS // self.c["n_kv_heads"]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = torch.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        if self.c["positions"] == "alibi":
            slopes = 2.0 ** (-8.0 * torch.arange(1, N_HEADS + 1, dtype=q.dtype) / N_HEADS)
            position = torch.arange(n, dtype=q.dtype)
            scores = scores - slopes[:, None, None] * (position[:, None] - position[None, :])
        if self.c["is_decoder"]:
            scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf)
        self.put(at + "attn.hook_attn_scores", scores)
        pattern = self.put(at + "attn.hook_pattern", scores.softmax(-1))
        return torch.einsum("hqk,khd->qhd", pattern, v)

    def fast(self, q, k, v, x, at):
        """The same without a softmax, a token at a time."""
        c = self.c
        q, k = phi(q, c["features"]), phi(k, c["features"])
        beta = None
        if c["attention"] == "delta":
            q, k = (y / (y.sum(-1, keepdim=True) + EPS) for y in (q, k))
            beta = self.put(at + "attn.hook_beta", self.linear(x, at + "attn.beta").sigmoid())
        weights = torch.zeros(N_HEADS, v.shape[-1], q.shape[-1], dtype=q.dtype)
        sums = torch.zeros(N_HEADS, q.shape[-1], dtype=q.dtype)
        read, all_weights, all_sums = [], [], []
        for t in range(q.shape[0]):
            written = v[t]
            if beta is not None:
                written = beta[t][:, None] * (written - torch.einsum("hvk,hk->hv", weights, k[t]))
            weights = weights + written[:, :, None] * k[t][:, None, :]
            sums = sums + k[t]
            z = torch.einsum("hvk,hk->hv", weights, q[t])
            if c["attention"] == "linear" and c["normalised"]:
                z = z / ((sums * q[t]).sum(-1, keepdim=True) + EPS)
            read.append(z)
            all_weights.append(weights)
            all_sums.append(sums)
        if not c["is_decoder"]:
            # All tokens have written before any reads.
            read = torch.einsum("hvk,thk->thv", weights, q)
            return read / (torch.einsum("hk,thk->th", sums, q) + EPS)[..., None]
        self.put(at + "attn.hook_fast_weights", torch.stack(all_weights))
        if c["attention"] == "linear" and c["normalised"]:
            self.put(at + "attn.hook_fast_sums", torch.stack(all_sums))
        return torch.stack(read)

    def attend(self, x, at):
        c, heads = self.c, lambda name, n: self.linear(x, f"{at}attn.{name}").unflatten(-1, (n, -1))
        q = self.put(at + "attn.hook_q", heads("q", N_HEADS))
        k = self.put(at + "attn.hook_k", heads("k", c["n_kv_heads"]))
        v = self.put(at + "attn.hook_v", heads("v", c["n_kv_heads"]))
        if c["positions"] == "rotary":
            q = self.put(at + "attn.hook_rot_q", self.rotated(q))
            k = self.put(at + "attn.hook_rot_k", self.rotated(k))
        z = self.softmax(q, k, v, at) if c["attention"] == "softmax" else self.fast(q, k, v, x, at)
        out = self.linear(self.put(at + "attn.hook_z", z).flatten(-2), at + "attn.o")
        if c["norm_position"] == "sandwich":
            out = self.norm(out, at + "ln1_post")
        return self.put(at + "hook_attn_out", out)

    def mlp(self, x, at):
        c = self.c
        gate = "mlp.gate" if c["activation"] == "swiglu" else "mlp.in"
        pre = self.put(at + "mlp.hook_pre", self.linear(x, at + gate))
        post = ACTIVATIONS[c["activation"]](pre)
        if c["activation"] == "swiglu":
            post = post * self.put(at + "mlp.hook_pre_linear", self.linear(x, at + "mlp.in"))
        out = self.linear(self.put(at + "mlp.hook_post", post), at + "mlp.out")
        if c["norm_position"] == "sandwich":
            out = self.norm(out, at + "ln2_post")
        return self.put(at + "hook_mlp_out", out)

    def logits(self, ids):
        c, n = self.c, len(ids)
        scale = math.sqrt(D) if c["positions"] == "sinusoidal" else 1.0
        x = self.put("hook_embed", self.p["embed.weight"][ids] * scale)
        if c["positions"] == "learned":
            x = x + self.put("hook_pos_embed", self.p["positions.weight"][:n])
        if c["positions"] == "sinusoidal":
            angle = torch.arange(n, dtype=x.dtype)[:, None] / 10000.0 ** (torch.arange(0, D, 2, dtype=x.dtype) / D)
            x = x + self.put("hook_pos_embed", torch.stack([angle.sin(), angle.cos()], -1).flatten(-2))
        if not c["is_decoder"]:
            self.put("hook_full_embed", x)
        dual = x
        is_post = c["norm_position"] in ("post", "residual-dual")
        for layer in range(N_LAYERS):
            at = f"blocks.{layer}."
            self.put(at + "hook_resid_pre", x)
            for part, name, hook in [(self.attend, "ln1", "mid"), (self.mlp, "ln2", "post")]:
                out = part(x if is_post else self.norm(x, at + name), at)
                dual = dual + out
                x = self.put(f"{at}hook_resid_{hook}", x + out)
                if is_post:
                    x = self.norm(x, at + name)
            if is_post:
                self.put(at + "hook_normalized_resid_post", x)
            if c["norm_position"] == "residual-dual":
                self.put(at + "hook_resid_dual", dual)
        if c["norm_position"] == "residual-dual":
            x = x + self.norm(dual, "ln_final")
        elif not is_post:
            x = self.norm(x, "ln_final")
        if not c["is_decoder"] or c["norm_position"] == "residual-dual":
            self.put("last_hidden_state", x)
        return self.put("logits", x @ self.p.get("unembed.weight", self.p["embed.weight"]).T)


def greedy(config, p, ids, n):
    ids = list(ids)
    for _ in range(n):
        ids.append(Nano(config, p).logits(ids)[-1].argmax().item())
    return ids[-n:]


def make(name, seed):
    c = {**PLAIN, **CONFIGS[name]}
    folder = HERE / f"nano_{name}"
    folder.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    start = parameters(c, generator)
    save_file(start, folder / "model.safetensors", {"format": "pt"})
    sizes = dict(vocab_size=D_VOCAB, n_layers=N_LAYERS, d_model=D, n_heads=N_HEADS, d_mlp=D_MLP, n_ctx=N_CTX,
                 norm_eps=NORM_EPS)
    config = {"model_type": "vitrine-nano", **sizes, **c}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    ids = torch.randint(D_VOCAB, (N_SEQUENCES, T), generator=generator)
    targets = torch.randint(D_VOCAB, (N_SEQUENCES, T), generator=generator)
    targets[:, ::4] = -100
    with torch.enable_grad():
        leaves = {key: value.double().requires_grad_() for key, value in start.items()}
        logits = torch.cat([Nano(c, leaves).logits(row) for row in ids])
        loss = F.cross_entropy(logits, targets.flatten(), ignore_index=-100)
        loss.backward()
    metadata = {
        "ids": ids.flatten().tolist(),
        "targets": [target if target >= 0 else 0xFFFFFFFF for target in targets.flatten().tolist()],
        "loss": loss.item(),
    }
    metadata = {key: json.dumps(value) for key, value in metadata.items()}
    gradients = {key: leaf.grad.float() for key, leaf in leaves.items()}
    save_file(gradients, folder / "gradients.safetensors", metadata)
    if name not in WITH_CASES:
        return
    p = {key: value.double() for key, value in start.items()}
    for case, (ids, mask) in cases(D_VOCAB, seed).items():
        if 0 in mask:
            continue
        nano = Nano(c, p)
        nano.logits(ids)
        kept = ("logits", "hook_pattern", "hook_resid_post", "hook_scale", "hook_fast_weights", "hook_z",
                "hook_attn_out", "hook_mlp_out", "hook_resid_pre")
        values = {key: value for key, value in nano.values.items() if case == "case_plain" or key.endswith(kept)}
        extra = {"greedy": greedy(c, p, ids, 12)} if c["is_decoder"] and case != "case_again" else {}
        write_case(folder, case, values, ids, mask, **extra)


MAKERS = {f"nano_{name}": lambda name=name, seed=seed: make(name, 70 + seed) for seed, name in enumerate(CONFIGS)}
