"""Logits of the models that are trained here (assets/models), by transformers or PyTorch's own modules from the same
files, for tests/shipped.rs: `ids`, of encoder-decoders `source`, `logits` of the last rows and what greedy writing goes
on with."""

import json
from pathlib import Path

import tokenizers
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

import recurrent
import seq2seq

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "assets/models"
TEXTS = {
    "grimm-gpt": "There was once a king who had a daughter, and she was so beautiful that the king said to his huntsman,",
    "dates-gru": "tuesday, 24th of december 1912",
    "numbers-gru": "three hundred and twelve thousand and forty-five",
    "dates-transformer": "tuesday, 24th of december 1912",
    "grimm-llama": "There was once a king who had a daughter, and she was so beautiful that the king said to his huntsman,",
    "grimm-bert": "The king's <mask> went into the forest, and there she <mask> a little house.",
    "grimm-bart": "Then the<mask> said to her, and she went away.",
} | {
    f"grimm-neox-{size}/step-1000": "There was once a king who had a daughter, and she was so beautiful that"
    for size in ("small", "medium", "large")
}
N_GREEDY, N_ROWS = 12, 3


def opened(name, config):
    """(source, target) ids -> logits [T, d_vocab]"""
    folder = MODELS / name
    kind = config["model_type"]
    if kind == "bahdanau-gru":
        model = recurrent.opened(folder)
        return lambda source, target: model.run(source, target)["logits"]
    if kind == "transformer":
        sizes = [config[key] for key in ("vocab_size", "d_model", "nhead", "dim_feedforward")]
        sizes += [config[f"num_{stack}_layers"] for stack in ("encoder", "decoder")]
        sizes += [config["max_position_embeddings"], config["layer_norm_eps"], config.get("norm_first", False)]
        model = seq2seq.Transformer(*sizes).eval()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        model = model.double()
        return lambda source, target: model.run(source, [1] * len(source), target)["logits"]
    model = getattr(tf, config["architectures"][0]).from_pretrained(folder, dtype=torch.float64).eval()
    if kind == "bart":
        return lambda source, target: model(torch.tensor([source]), decoder_input_ids=torch.tensor([target])).logits[0]
    return lambda _, target: model(torch.tensor([target])).logits[0]


def keep(name):
    config = json.loads((MODELS / name / "config.json").read_text())
    tokenizer = tokenizers.Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
    ids, source, logits = tokenizer.encode(TEXTS[name]).ids, None, opened(name, config)
    if "source_end_token_id" in config:
        source, ids = ids + [config["source_end_token_id"]], [config["decoder_start_token_id"]]
    elif config.get("is_encoder_decoder"):
        source, ids = ids, [config["decoder_start_token_id"]]
    rows = list(range(-min(N_ROWS, len(ids)), 0))
    kept = {"ids": torch.tensor(ids).int(), "rows": torch.tensor([row % len(ids) for row in rows]).int()}
    if source:
        kept["source"] = torch.tensor(source).int()
    values = logits(source, ids)
    found = list(ids)
    for _ in range(0 if config["model_type"] == "bert" else N_GREEDY):
        found.append(int(logits(source, found)[-1].argmax()))
    greedy = found[len(ids):]
    kept |= {"logits": values[rows].float(), "greedy": torch.tensor(greedy).int()}
    save_file({key: value.contiguous() for key, value in kept.items()}, HERE / f"shipped_{name.replace('/', '_')}.safetensors")
    print(name, tokenizer.decode(source or ids), "|", tokenizer.decode(greedy))


@torch.no_grad()
def make():
    for name in TEXTS:
        keep(name)


if __name__ == "__main__":
    make()
