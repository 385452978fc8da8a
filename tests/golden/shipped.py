"""Logits of the models that are trained here (assets/models), by transformers from the same files, for
tests/shipped.rs."""

from pathlib import Path

import tokenizers
import torch
import transformers as tf
from safetensors.torch import save_file

torch.set_num_threads(1)
HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "assets/models"
TEXT = "There was once a king who had a daughter, and she was so beautiful that the king said to his huntsman,"


@torch.no_grad()
def grimm():
    folder = MODELS / "grimm-gpt"
    model = tf.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = torch.tensor([tokenizer.encode(TEXT).ids])
    logits = model(ids).logits[0]
    greedy = model.generate(ids, max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)[0, ids.shape[1]:]
    tensors = {"ids": ids[0].int(), "logits": logits[-3:].contiguous(), "greedy": greedy.int().contiguous()}
    save_file(tensors, HERE / "shipped_grimm-gpt.safetensors")
    print(tokenizer.decode(ids[0].tolist()), "|", tokenizer.decode(greedy.tolist()))


if __name__ == "__main__":
    grimm()
