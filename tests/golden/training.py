"""Losses of short training runs by PyTorch, in f64, for tests/training.rs: the tiny checkpoints that make.py left
here, trained by AdamW with clipping, warm-up and a cosine on sequences of a Markov chain.

The file of a run holds ids, targets (-1: not counted), of encoder-decoders source and its mask, and loss and norm of
every step; of recurrent models also the gradients of the first step, uncut, and the parameters after the tenth, by the
names that Vitrine gives them.
"""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import transformers as tf
from safetensors.torch import save_file

import recurrent

HERE = Path(__file__).parent
N_SEQUENCES, T, S = 4, 12, 9
RATE, WARMUP, FLOOR, DECAY, MAX_NORM = 2e-3, 5, 0.1, 0.1, 1.0

RECURRENT = ["bahdanau_gru", "bahdanau_gru_fixed", "awd_lstm", "awd_lstm_untied"]
RUNS = {
    "gpt2": (tf.GPT2LMHeadModel, 200),
    "llama": (tf.LlamaForCausalLM, 40),
    "gpt_neox": (tf.GPTNeoXForCausalLM, 40),
    "bloom": (tf.BloomForCausalLM, 40),
    "bert": (tf.BertForPreTraining, 40),
    "bart": (tf.BartForConditionalGeneration, 40),
}


def chain(random, d_vocab, n):
    """A token is one of three that may follow the one before it."""
    follow = np.random.default_rng(7).integers(3, d_vocab, (d_vocab, 3))
    ids = [int(random.integers(3, d_vocab))]
    while len(ids) < n:
        ids.append(int(follow[ids[-1], random.integers(3)]))
    return ids


def batch(random, name, d_vocab):
    rows = [chain(random, d_vocab, T + 1) for _ in range(N_SEQUENCES)]
    ids, targets = [row[:-1] for row in rows], [row[1:] for row in rows]
    out = {}
    if name == "bert":
        targets = [[-1] * T for _ in rows]
        for row, told in zip(ids, targets):
            for at in random.choice(T, 3, replace=False):
                told[at], row[at] = row[at], 2
    if name == "bart" or name.startswith("bahdanau"):
        lengths = random.integers(3, S + 1, N_SEQUENCES)
        source = [(row[::-1] * 2)[:S] for row in ids]
        out["source"] = [row[:n] + [1] * (S - n) for row, n in zip(source, lengths)]
        out["shown"] = [[1] * n + [0] * (S - n) for n in lengths]
        targets[-1] = targets[-1][:7] + [-1] * (T - 7)
    return {"ids": ids, "targets": targets} | out


def run(name, model, d_vocab, n_steps, eps):
    # What has one row is a vector, whatever its shape.
    matrices = [p for p in model.parameters() if p.dim() > 1 and p.shape[0] > 1]
    vectors = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), eps=eps)
    random = np.random.default_rng(1)
    kept, losses, norms, found = {}, [], [], {}
    for step in range(n_steps):
        data = batch(random, name, d_vocab)
        for key, value in data.items():
            kept.setdefault(key, []).append(value)
        data = {key: torch.tensor(value) for key, value in data.items()}
        if name.startswith("bahdanau"):
            logits = model.logits(data["source"], data["shown"], data["ids"])
        elif name in RECURRENT:
            logits = model.logits(data["ids"])
        elif name == "bart":
            out = model(input_ids=data["source"], attention_mask=data["shown"], decoder_input_ids=data["ids"])
            logits = out.logits
        else:
            out = model(input_ids=data["ids"])
            logits = out.prediction_logits if name == "bert" else out.logits
        loss = F.cross_entropy(logits.flatten(0, 1), data["targets"].flatten(), ignore_index=-1)
        part = (step - WARMUP) / (n_steps - WARMUP)
        share = (step + 1) / WARMUP if step < WARMUP else FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * part))
        for group in optimiser.param_groups:
            group["lr"] = RATE * share
        optimiser.zero_grad()
        loss.backward()
        if step == 0 and name in RECURRENT:
            found |= {f"gradient.{key}": p.grad.clone() for key, p in model.canonical().items()}
        used = [p for p in model.parameters() if p.grad is not None]
        norms.append(float(torch.nn.utils.clip_grad_norm_(used, MAX_NORM)))
        losses.append(float(loss.detach()))
        optimiser.step()
        if step == 9 and name in RECURRENT:
            found |= {f"end.{key}": p.detach().clone() for key, p in model.canonical().items()}
    tensors = {key: torch.tensor(value, dtype=torch.int32) for key, value in kept.items()}
    tensors |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    tensors |= {key: value.float().flatten() for key, value in found.items()}
    save_file(tensors, HERE / f"training_{name}.safetensors")
    print(f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms[0]:.3f} -> {norms[-1]:.3f}")


@torch.enable_grad()
def make():
    torch.set_num_threads(1)
    for name, (kind, n_steps) in RUNS.items():
        torch.manual_seed(0)
        model = kind.from_pretrained(HERE / name, dtype=torch.float64, attn_implementation="eager").eval()
        run(name, model, model.config.vocab_size, n_steps, 1e-8)
    for name in RECURRENT:
        model = recurrent.opened(HERE / name)
        d_vocab = model.decoder.out_features if name.startswith("awd") else model.output.out_features
        # Gradients near zero would make steps of their rounding.
        run(name, model, d_vocab, 40, 1e-6)


if __name__ == "__main__":
    make()
