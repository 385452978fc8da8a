"""Makes dequant.json: blocks of every supported type, read by the `gguf` package.

Random bytes with scales that reach zero, subnormals and the largest finite half, so that every
rounding shows. Run by tests/golden/make.py, or by itself.
"""

import json
from pathlib import Path

import gguf
import numpy as np

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"]
# Where a block has its halves, if not at the start.
HALVES = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
SCALES = [0.0, -0.0, 6e-8, 1e-5, 0.1, -0.3, 1.0, 3.14159, -1234.5, 65504.0]
N_BLOCKS = 24


def blocks(kind: gguf.GGMLQuantizationType, random: np.random.Generator) -> np.ndarray:
    """N_BLOCKS rows of one block, of random bytes and finite scales."""
    _, n_bytes = gguf.GGML_QUANT_SIZES[kind]
    if kind.name == "F32":
        values = (random.standard_normal(N_BLOCKS) * 1e3).astype("<f4")
        return values.view(np.uint8).reshape(N_BLOCKS, n_bytes)
    if kind.name == "F16":
        values = np.resize(np.array(SCALES + [np.inf, -np.inf]), N_BLOCKS).astype("<f2")
        return values.view(np.uint8).reshape(N_BLOCKS, n_bytes)
    rows = random.integers(0, 256, (N_BLOCKS, n_bytes), dtype=np.uint8)
    if kind.name == "BF16":
        rows[:, 1] &= 0xBF  # No NaN: its bits differ between processors.
        return rows
    for field, at in enumerate(HALVES.get(kind.name, [0])):
        values = np.roll(np.resize(np.array(SCALES), N_BLOCKS), 3 * field).astype("<f2")
        rows[:, at : at + 2] = values.view(np.uint8).reshape(N_BLOCKS, 2)
    return rows


def make(folder: Path) -> None:
    random = np.random.default_rng(7)
    golden = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        rows = blocks(kind, random)
        values = gguf.quants.dequantize(rows, kind).astype("<f4")
        golden[name] = {"blocks": rows.tobytes().hex(), "values": values.tobytes().hex()}
    text = json.dumps(golden, indent=0)
    (folder / "dequant.json").write_text(text + "\n")


if __name__ == "__main__":
    make(Path(__file__).parent)
