"""What the makers of reference values share: taps on modules, random weights, cases, files."""

import json
import math

import numpy as np
import torch
from safetensors.torch import save_file


class Taps:
    """Collects inputs and outputs of modules by hook name."""

    def __init__(self):
        self.values = {}

    def put(self, name, value):
        self.values[name] = value.detach()

    def out(self, name, module, pick=lambda value: value):
        def hook(_, __, output):
            self.put(name, pick(output[0] if isinstance(output, tuple) else output)[0])

        module.register_forward_hook(hook)

    def into(self, name, module, pick=lambda value: value):
        def hook(_, args, kwargs):
            self.put(name, pick(args[0] if args else kwargs["hidden_states"])[0])

        module.register_forward_pre_hook(hook, with_kwargs=True)

    def norm(self, name, module, eps, rms):
        def hook(_, args, output):
            x = args[0][0]
            mean = x.mean(-1, keepdim=True)
            centred = x if rms else x - mean
            scale = (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt()
            self.put(f"{name}.hook_mean", mean)
            self.put(f"{name}.hook_scale", scale)
            self.put(f"{name}.hook_normalized", x / scale if rms else output[0])

        module.register_forward_hook(hook)


def randomise(model, seed):
    """Weights of unit gain and a half, biases of a half, gains around 1 with some negative."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = any(part in name.lower() for part in ["norm", "ln_"])
        if parameter.dim() > 1:
            is_table = any(part in name for part in ["embed", "wte", "wpe"])
            fan_in = parameter.shape[0] if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")) else parameter.shape[1]
            noise = noise if is_table else noise * 1.5 / math.sqrt(fan_in)
        elif is_norm and not name.endswith("bias"):
            noise = 1 + 0.6 * noise
        else:
            noise = 0.5 * noise
        parameter.copy_(noise)


def heads(x, n_heads):
    return x.reshape(x.shape[0], n_heads, -1)


def scores_of(q, k, causal, mask, scale=None, window=None, slopes=None):
    """[T, H, d], [T, KV, d] -> [H, T, T], masked cells -inf."""
    k = k.repeat_interleave(q.shape[1] // k.shape[1], 1)
    scores = torch.einsum("qhd,khd->hqk", q, k) * (scale or 1 / math.sqrt(q.shape[2]))
    n = q.shape[0]
    distance = torch.arange(n)[:, None] - torch.arange(n)[None, :]
    if slopes is not None:
        scores = scores - slopes[:, None, None] * distance
    hidden = torch.zeros(n, n, dtype=torch.bool)
    if causal:
        hidden |= torch.ones(n, n, dtype=torch.bool).triu(1)
    if window:
        hidden |= distance >= window
    hidden |= torch.tensor(mask)[None, :] == 0
    return scores.masked_fill(hidden, -math.inf)


def write_case(folder, name, values, ids, mask, types=None, **extra):
    metadata = {"ids": json.dumps(ids), "attention_mask": json.dumps(mask)}
    if types is not None:
        metadata["token_types"] = json.dumps(types)
    metadata |= {key: json.dumps(value) for key, value in extra.items()}
    tensors = {key: value.to(torch.float32).contiguous().clone() for key, value in values.items()}
    save_file(tensors, folder / f"{name}.safetensors", metadata)


def cases(d_vocab, seed):
    """name -> (ids, mask): two plain ones, one of a single token, left and right padding."""
    rng = np.random.default_rng(seed)
    draw = lambda n: rng.integers(0, d_vocab, n).tolist()
    return {
        "case_plain": (draw(11), [1] * 11),
        "case_again": (draw(19), [1] * 19),
        "case_one": (draw(1), [1]),
        "case_left": (draw(9), [0] * 3 + [1] * 6),
        "case_right": (draw(10), [1] * 7 + [0] * 3),
    }


def greedy(model, ids, n):
    ids = torch.tensor([ids])
    start = ids.shape[1]
    for _ in range(n):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
    return ids[0, start:].tolist()


def decoder_case(model, taps, folder, name, ids, mask, finish):
    out = model(torch.tensor([ids]), attention_mask=torch.tensor([mask]), output_attentions=True)
    for layer, pattern in enumerate(out.attentions):
        taps.put(f"blocks.{layer}.attn.hook_pattern", pattern[0])
    taps.put("logits", out.logits[0])
    finish(mask)
    if name in ("case_plain", "case_one"):
        values = dict(taps.values)
        write_case(folder, name, values, ids, mask, greedy=greedy(model, ids, 12))
    else:
        # What padding and another text can change is seen in these.
        kept = ("logits", "hook_pattern", "hook_attn_scores", "hook_resid_post", "hook_scale")
        values = {key: value for key, value in taps.values.items() if key.endswith(kept)}
        write_case(folder, name, values, ids, mask)
