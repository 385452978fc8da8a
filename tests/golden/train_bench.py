"""The step of kernels/examples/train_bench.rs in PyTorch, on one thread: `python train_bench.py`."""

import time

import torch
import torch.nn.functional as F

D, D_MLP, N_HEADS, N_BLOCKS, D_VOCAB, N_SEQUENCES, T = 128, 512, 4, 4, 1024, 16, 128


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    table = torch.nn.Embedding(D_VOCAB, D)
    places = torch.nn.Embedding(T, D)
    blocks = [
        [torch.nn.Linear(k, n) for n, k in ((D, D),) * 4 + ((D_MLP, D), (D, D_MLP))]
        for _ in range(N_BLOCKS)
    ]
    gain = torch.nn.Parameter(torch.ones(D))
    parameters = [*table.parameters(), *places.parameters(), gain]
    parameters += [p for block in blocks for linear in block for p in linear.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    ids = torch.randint(D_VOCAB, (N_SEQUENCES, T))
    targets = (ids * 7 + 3) % D_VOCAB

    def heads(x):
        return x.view(N_SEQUENCES, T, N_HEADS, D // N_HEADS).transpose(1, 2)

    def step():
        optimiser.zero_grad()
        x = table(ids) + places(torch.arange(T))
        for q, k, v, o, wide, narrow in blocks:
            normed = F.layer_norm(x, (D,))
            z = F.scaled_dot_product_attention(
                heads(q(normed)), heads(k(normed)), heads(v(normed)), is_causal=True
            )
            x = x + o(z.transpose(1, 2).reshape(N_SEQUENCES, T, D))
            normed = F.layer_norm(x, (D,))
            x = x + narrow(F.gelu(wide(normed), approximate="tanh"))
        logits = F.layer_norm(x, (D,), gain) @ table.weight.T
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()

    times = []
    for _ in range(12):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(f"PyTorch {torch.__version__}, one thread: {min(times) * 1e3:.1f} ms a step")


if __name__ == "__main__":
    main()
