"""Tiny random recurrent models of PyTorch's nn.GRU and nn.LSTM: hooks, greedy continuations.

What the modules return is what is kept; gates, which they keep to themselves, are computed beside
them, and must give the module's own hidden states.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import seq2seq
from common import cases, randomise, write_case

HERE = Path(__file__).parent
EOS = 2


def by_gate(gates):
    """gates of each row -> [T, n_gates, d]"""
    return torch.stack([torch.stack(row) for row in gates])


def gru_gates(x, start, rnn, suffix=""):
    """r, z, n of each row of x, and the hidden states, by the formulas of nn.GRU's documentation"""
    w_i, w_h, b_i, b_h = (getattr(rnn, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h, gates, hidden = start, [], []
    for row in x:
        (ir, iz, i_n), (hr, hz, hn) = (w_i @ row + b_i).chunk(3), (w_h @ h + b_h).chunk(3)
        r, z = (ir + hr).sigmoid(), (iz + hz).sigmoid()
        n = (i_n + r * hn).tanh()
        h = (1 - z) * n + z * h
        gates.append([r, z, n])
        hidden.append(h)
    return by_gate(gates), torch.stack(hidden)


def lstm_gates(x, rnn):
    """i, f, g, o of each row of x, the hidden states and the cells"""
    h = c = torch.zeros(rnn.hidden_size, dtype=x.dtype)
    gates, hidden, cells = [], [], []
    for row in x:
        i, f, g, o = (rnn.weight_ih_l0 @ row + rnn.bias_ih_l0 + rnn.weight_hh_l0 @ h + rnn.bias_hh_l0).chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        gates.append([i, f, g, o])
        hidden.append(h)
        cells.append(c)
    return by_gate(gates), torch.stack(hidden), torch.stack(cells)


def same(a, b):
    assert (a - b).abs().max() < 1e-12, "the gates are not the module's"
    return b


class Translator(torch.nn.Module):
    """Bahdanau et al. 2014: a bidirectional GRU reads, a GRU with additive attention writes; without attention where
    d_attention is 0: then what is found for each word is the mean of the annotations."""

    def __init__(self, d_source, d_target, d_embed, d_hidden, d_attention):
        super().__init__()
        linear = torch.nn.Linear
        self.encoder = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding(d_source, d_embed),
            "rnn": torch.nn.GRU(d_embed, d_hidden, bidirectional=True)})
        self.decoder = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding(d_target, d_embed),
            "rnn": torch.nn.GRU(d_embed + 2 * d_hidden, d_hidden)})
        self.bridge = linear(d_hidden, d_hidden)
        self.attention = None
        if d_attention:
            self.attention = torch.nn.ModuleDict({
                "query": linear(d_hidden, d_attention, bias=False), "key": linear(2 * d_hidden, d_attention),
                "energy": linear(d_attention, 1, bias=False)})
        self.readout = linear(3 * d_hidden + d_embed, d_hidden)
        self.output = linear(d_hidden, d_target)

    def run(self, source, target):
        values, rnn = {}, self.encoder["rnn"]
        x = values["encoder.hook_embed"] = self.encoder["embedding"](torch.tensor(source))
        annotations = rnn(x)[0]
        zeros = torch.zeros(rnn.hidden_size, dtype=x.dtype)
        forth, back = annotations.chunk(2, -1)
        values["encoder.0.rnn.hook_gates"], hidden = gru_gates(x, zeros, rnn)
        values["encoder.0.rnn.hook_hidden"] = same(hidden, forth)
        gates, hidden = gru_gates(x.flip(0), zeros, rnn, "_reverse")
        values["encoder.0.rnn_back.hook_gates"] = gates.flip(0)
        values["encoder.0.rnn_back.hook_hidden"] = same(hidden.flip(0), back)
        values["encoder.last_hidden_state"] = annotations
        keys = self.attention["key"](annotations) if self.attention else None
        h = self.bridge(back[0]).tanh()
        rows = {}
        keep = lambda name, value: rows.setdefault(f"decoder.{name}", []).append(value)
        embedded = self.decoder["embedding"](torch.tensor(target))
        values["decoder.hook_embed"] = embedded
        values["decoder.0.rnn.hook_start"] = h[None]
        for y in embedded:
            scores = torch.zeros(len(annotations), dtype=x.dtype)
            if self.attention:
                query = self.attention["query"](h)
                scores = self.attention["energy"]((query + keys).tanh())[:, 0]
                keep("0.cross_attn.hook_q", query[None])
                keep("0.cross_attn.hook_attn_scores", scores[None])
            pattern = scores.softmax(-1)
            context = pattern @ annotations
            x = torch.cat([y, context])[None]
            gates, hidden = gru_gates(x, h, self.decoder["rnn"])
            h = same(hidden[0], self.decoder["rnn"](x, h[None])[0][0])
            readout = self.readout(torch.cat([h, context, y])).tanh()
            for name, value in [
                ("0.cross_attn.hook_pattern", pattern[None]), ("0.cross_attn.hook_z", context[None]),
                ("0.rnn.hook_gates", gates[0]), ("0.rnn.hook_hidden", h), ("0.hook_readout", readout),
            ]:
                keep(name, value)
            rows.setdefault("logits", []).append(self.output(readout))
        for name, all_rows in rows.items():
            is_map = name.endswith(("pattern", "scores"))
            values[name] = torch.stack(all_rows, 1 if is_map else 0)
        if self.attention:
            values["decoder.0.cross_attn.hook_k"] = keys[:, None]
        values["decoder.0.cross_attn.hook_v"] = annotations[:, None]
        return values


    def logits(self, source, shown, target):
        """Of a batch, [B, T, d_target]; source and shown [B, S], target [B, T]. Rows that are not shown are not read."""
        pack = torch.nn.utils.rnn.pack_padded_sequence
        x, lengths = self.encoder["embedding"](source), shown.sum(1)
        packed = pack(x, lengths, batch_first=True, enforce_sorted=False)
        self.encoder["rnn"].batch_first = self.decoder["rnn"].batch_first = True
        unpacked = torch.nn.utils.rnn.pad_packed_sequence(
            self.encoder["rnn"](packed)[0], batch_first=True, total_length=source.shape[1])
        annotations = unpacked[0]
        h = self.bridge(annotations.chunk(2, -1)[1][:, 0]).tanh()
        keys = self.attention["key"](annotations) if self.attention else None
        embedded, rows = self.decoder["embedding"](target), []
        for y in embedded.unbind(1):
            scores = torch.zeros_like(shown, dtype=x.dtype)
            if self.attention:
                scores = self.attention["energy"]((self.attention["query"](h)[:, None] + keys).tanh())[..., 0]
            pattern = scores.masked_fill(shown == 0, -torch.inf).softmax(-1)
            context = (pattern[:, None] @ annotations)[:, 0]
            h = self.decoder["rnn"](torch.cat([y, context], -1)[:, None], h[None])[0][:, 0]
            rows.append(self.output(self.readout(torch.cat([h, context, y], -1)).tanh()))
        return torch.stack(rows, 1)

    def canonical(self):
        """Parameters by the names that Vitrine gives them."""
        found = {"encoder.embed.W_E": self.encoder["embedding"].weight, "embed.W_E": self.decoder["embedding"].weight}
        found |= unit("encoder.0.rnn", self.encoder["rnn"], "_l0")
        found |= unit("encoder.0.rnn_back", self.encoder["rnn"], "_l0_reverse")
        found |= matrix("decoder.0.rnn", "start", self.bridge)
        if self.attention:
            found |= matrix("decoder.0.cross_attn", "Q", self.attention["query"])
            found |= matrix("decoder.0.cross_attn", "K", self.attention["key"])
            found["decoder.0.cross_attn.v_energy"] = self.attention["energy"].weight
        found |= unit("decoder.0.rnn", self.decoder["rnn"], "_l0")
        return found | matrix("decoder.0.readout", "in", self.readout) | matrix("unembed", "U", self.output)


def unit(name, rnn, suffix):
    letters = {"W_IH": "weight_ih", "W_HH": "weight_hh", "b_IH": "bias_ih", "b_HH": "bias_hh"}
    return {f"{name}.{ours}": getattr(rnn, theirs + suffix) for ours, theirs in letters.items()}


def matrix(name, letter, linear):
    found = {f"{name}.W_{letter}": linear.weight}
    return found if linear.bias is None else found | {f"{name}.b_{letter}": linear.bias}


class LanguageModel(torch.nn.Module):
    """Merity et al. 2017: LSTMs, the last as wide as the embedding where both tables are one."""

    def __init__(self, d_vocab, d_embed, d_hidden, n_layers, tied):
        super().__init__()
        widths = [d_embed] + [d_hidden] * (n_layers - 1) + [d_embed if tied else d_hidden]
        self.encoder = torch.nn.Embedding(d_vocab, d_embed)
        self.rnns = torch.nn.ModuleList(torch.nn.LSTM(n, m) for n, m in zip(widths, widths[1:]))
        self.decoder = torch.nn.Linear(widths[-1], d_vocab)
        if tied:
            self.decoder.weight = self.encoder.weight

    def run(self, ids):
        x = self.encoder(torch.tensor(ids))
        values = {"hook_embed": x}
        for layer, rnn in enumerate(self.rnns):
            p = f"blocks.{layer}.rnn.hook_"
            values[p + "gates"], hidden, values[p + "cell"] = lstm_gates(x, rnn)
            x, (_, cell) = rnn(x)
            values[p + "hidden"] = same(hidden, x)
            same(values[p + "cell"][-1], cell[0])
        return values | {"logits": self.decoder(x)}

    def logits(self, ids):
        """Of a batch, [B, T, d_vocab]; ids [B, T]"""
        x = self.encoder(ids)
        for rnn in self.rnns:
            rnn.batch_first = True
            x = rnn(x)[0]
        return self.decoder(x)

    def canonical(self):
        """Parameters by the names that Vitrine gives them."""
        found = {"embed.W_E": self.encoder.weight, "unembed.b_U": self.decoder.bias}
        if self.decoder.weight is not self.encoder.weight:
            found["unembed.W_U"] = self.decoder.weight
        for layer, rnn in enumerate(self.rnns):
            found |= unit(f"blocks.{layer}.rnn", rnn, "_l0")
        return found


def save(model, name, seed, config):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    randomise(model, seed)
    for key, parameter in model.named_parameters():
        # So that what comes next depends on what came before.
        if key in ("encoder.weight", "output.weight"):
            parameter.mul_(3)
        if "rnn" in key and "weight" in key:
            parameter.mul_(1.5)
        if key in ("decoder.bias", "output.bias"):
            parameter.mul_(0.5)
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    if config.get("tie_word_embeddings"):
        del tensors["decoder.weight"]
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return folder, model.double()


def opened(folder):
    """The model of a folder, in f64."""
    config = json.loads((folder / "config.json").read_text())
    d_embed, d_hidden = config["embedding_size"], config["hidden_size"]
    if config["model_type"] == "awd-lstm":
        model = LanguageModel(
            config["vocab_size"], d_embed, d_hidden, config["num_layers"], config["tie_word_embeddings"])
    else:
        d_target = config.get("decoder_vocab_size", config["vocab_size"])
        d_attention = 0 if config.get("fixed_context") else config["attention_size"]
        model = Translator(config["vocab_size"], d_target, d_embed, d_hidden, d_attention)
    missing, unexpected = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert not unexpected and missing in ([], ["decoder.weight"]), (missing, unexpected)
    return model.double()


def translator(name, seed, has_attention=True):
    sizes = (41, 37, 14, 20, 18 if has_attention else 0)
    found = {"attention_size": 18} if has_attention else {"fixed_context": True}
    config = dict(model_type="bahdanau-gru", vocab_size=41, decoder_vocab_size=37, embedding_size=14, hidden_size=20,
                  **found, decoder_start_token_id=1, eos_token_id=EOS)
    folder, model = save(Translator(*sizes), name, seed, config)
    for case, (source, mask, target) in seq2seq.cases(41, 37, 1, seed).items():
        if 0 in mask:
            continue
        found = list(target)
        for _ in range(12):
            found.append(int(model.run(source, found)["logits"][-1].argmax()))
        write_case(folder, case, model.run(source, target), target, [1] * len(target), source=source, source_mask=mask,
                   greedy=found[len(target):])


def language_model(name, seed, tied):
    config = dict(model_type="awd-lstm", vocab_size=41, embedding_size=14, hidden_size=22, num_layers=3,
                  tie_word_embeddings=tied, eos_token_id=EOS)
    folder, model = save(LanguageModel(41, 14, 22, 3, tied), name, seed, config)
    for case, (ids, mask) in cases(41, seed).items():
        if 0 in mask:
            continue
        found = list(ids)
        for _ in range(12):
            found.append(int(model.run(found)["logits"][-1].argmax()))
        write_case(folder, case, model.run(ids), ids, mask, greedy=found[len(ids):])


MAKERS = {
    "bahdanau_gru": lambda: translator("bahdanau_gru", 84),
    "bahdanau_gru_fixed": lambda: translator("bahdanau_gru_fixed", 85, False),
    "awd_lstm": lambda: language_model("awd_lstm", 81, True),
    "awd_lstm_untied": lambda: language_model("awd_lstm_untied", 82, False),
}
