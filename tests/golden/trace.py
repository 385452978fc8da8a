"""Makes trace.safetensors: a run of the tiny GPT-2 of this folder, recorded by the very lines that
docs/trace.md gives (its second block of Python), for tests/web/cases/trace.mjs."""

import json
import os
import re
import tempfile
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).parent
WORDS = ["The", " quick", " brown", " fox", " jumps", " over", " the", " dog"]


def make():
    text = (HERE.parent.parent / "docs" / "trace.md").read_text()
    recording = re.findall(r"```python\n(.*?)```", text, re.S)[1]
    model = transformers.GPT2LMHeadModel.from_pretrained(HERE / "gpt2", attn_implementation="eager").eval()
    here = Path.cwd()
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(recording, {"model": model, "ids": [3, 17, 42, 5, 8, 60, 3, 21], "words": WORDS})
        os.chdir(here)
        made = (Path(folder) / "run.safetensors").read_bytes()
    (HERE / "trace.safetensors").write_bytes(made)


if __name__ == "__main__":
    make()
