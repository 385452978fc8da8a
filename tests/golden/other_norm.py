"""What a tiny GPT-2 predicts with RMSNorms in the place of its LayerNorms, and a tiny Llama with LayerNorms in the
place of its RMSNorms: gains stay, there are no biases. For tests/sessions.rs."""

import torch
import transformers as tf
from safetensors.torch import save_file

TEXT = [5, 17, 3, 60, 3, 17, 22, 9, 0, 41, 17, 3]


class RmsNorm(torch.nn.Module):
    def __init__(self, gain, eps):
        super().__init__()
        self.gain, self.eps = gain, eps

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.gain


class LayerNorm(RmsNorm):
    def forward(self, x):
        return super().forward(x - x.mean(-1, keepdim=True))


def swapped(model, kind):
    for name, module in list(model.named_modules()):
        if "norm" in type(module).__name__.lower():
            parent, _, own = name.rpartition(".")
            eps = getattr(module, "eps", None) or module.variance_epsilon
            setattr(model.get_submodule(parent), own, kind(module.weight, eps))
    return model


@torch.no_grad()
def make(folder):
    run = {}
    for name, of, kind in [("gpt2", tf.GPT2LMHeadModel, RmsNorm), ("llama", tf.LlamaForCausalLM, LayerNorm)]:
        model = of.from_pretrained(folder / name, dtype=torch.float32, attn_implementation="eager").eval()
        ids = torch.tensor([[token % model.config.vocab_size for token in TEXT]])
        before = model(ids).logits[0].double()
        after = swapped(model, kind)(ids).logits[0]
        log_p, log_q = before.log_softmax(-1), after.double().log_softmax(-1)
        run[name] = after.float().contiguous()
        run[f"{name}.divergences"] = (log_p.exp() * (log_p - log_q)).sum(-1).float()
    save_file(run, folder / "other_norm.safetensors")
