"""Linear attention, the delta rule and their feature maps by PyTorch, in f64, a token at a time as the papers
write them, with their gradients, for tests/linear.rs."""

import json

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

B, T, N_HEADS, D_HEAD, D_VALUE, M, EPS = 2, 11, 2, 6, 5, 9, 1e-6


def dpfp(x, nu):
    """Deterministic parameter-free projection, Schlag et al. 2021, section 5.3."""
    r = torch.cat([x, -x], -1).relu()
    return torch.cat([r * r.roll(-shift, -1) for shift in range(1, nu + 1)], -1)


def favor(x, omega, kind):
    """Choromanski et al. 2020, lemma 1 and the features before it."""
    along, square = x @ omega.T, x.pow(2).sum(-1, keepdim=True)
    if kind == "positive":
        return (along - square / 2).exp() / M**0.5
    return (square / 2).exp() / M**0.5 * torch.cat([along.sin(), along.cos()], -1)


FEATURES = {
    "identity": lambda x, omega: x,
    "elu": lambda x, omega: F.elu(x) + 1,
    "relu": lambda x, omega: x.relu(),
    "dpfp1": lambda x, omega: dpfp(x, 1),
    "dpfp3": lambda x, omega: dpfp(x, 3),
    "favor_positive": lambda x, omega: favor(x, omega, "positive"),
    "favor_trigonometric": lambda x, omega: favor(x, omega, "trigonometric"),
}
RULES = ["sum", "normalised", "delta", "sum_decay", "normalised_decay", "delta_decay"]
# Features whose sum may be nothing are not divided by it.
SIGNED = ["identity", "favor_trigonometric"]


def attend(q, k, v, beta, decay, rule):
    """q, k [B, T, H, d_feature], v [B, T, H, d_value], beta, decay [B, T, H] -> like v."""
    if rule.startswith("delta"):
        q, k = (x / (x.sum(-1, keepdim=True) + EPS) for x in (q, k))
    weights = torch.zeros(B, N_HEADS, D_VALUE, q.shape[-1], dtype=torch.float64)
    sums = torch.zeros(B, N_HEADS, q.shape[-1], dtype=torch.float64)
    read = []
    for t in range(T):
        if rule.endswith("decay"):
            kept = decay[:, t].exp()
            weights, sums = weights * kept[..., None, None], sums * kept[..., None]
        written = v[:, t]
        if rule.startswith("delta"):
            known = (weights @ k[:, t, :, :, None])[..., 0]
            written = beta[:, t, :, None] * (written - known)
        weights = weights + written[..., None] * k[:, t, :, None, :]
        sums = sums + k[:, t]
        z = (weights @ q[:, t, :, :, None])[..., 0]
        if rule.startswith("normalised"):
            z = z / ((sums * q[:, t]).sum(-1, keepdim=True) + EPS)
        read.append(z)
    return torch.stack(read, 1)


def make(here):
    generator = torch.Generator().manual_seed(4)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    inputs = {
        "q": 0.8 * normal(B, T, N_HEADS, D_HEAD),
        "k": 0.8 * normal(B, T, N_HEADS, D_HEAD),
        "v": normal(B, T, N_HEADS, D_VALUE),
        "beta": normal(B, T, N_HEADS).sigmoid(),
        "decay": -0.4 * normal(B, T, N_HEADS).abs(),
        "omega": normal(M, D_HEAD),
    }
    along = normal(B, T, N_HEADS, D_VALUE)
    found = {**inputs, "dz": along}
    cases = []
    with torch.enable_grad():
        for features, phi in FEATURES.items():
            for rule in RULES:
                if features in SIGNED and not rule.startswith("sum"):
                    continue
                leaves = {key: value.double().requires_grad_() for key, value in inputs.items()}
                omega = leaves["omega"].detach()
                q, k = phi(leaves["q"], omega), phi(leaves["k"], omega)
                z = attend(q, k, leaves["v"], leaves["beta"], leaves["decay"], rule)
                (z * along.double()).sum().backward()
                name = f"{features}.{rule}"
                found[f"{name}.z"] = z.detach().float()
                for key, leaf in leaves.items():
                    if leaf.grad is not None:
                        found[f"{name}.d{key}"] = leaf.grad.float()
                cases.append([features, rule])
    rows = lambda key, value: value if key == "omega" else value.flatten(0, 1).flatten(1)
    flat = {key: rows(key, value).contiguous() for key, value in found.items()}
    save_file(flat, here / "linear.safetensors", {"cases": json.dumps(cases)})
