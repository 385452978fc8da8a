// Where heads of linear attention and of the delta rule lie, in which order tokens are read, and what
// each keeps of the past. Shapes: rows of keys [n_sequences * n_rows, n_heads * d_key], of values
// [n_sequences * n_rows, n_heads * d_value], decay [n_sequences * n_rows, n_heads]; n_maps =
// n_sequences * n_heads. `decay` is declared by the shader. An `idx` counts tokens in their order.

struct LinearParams {
    n_maps: u32,
    n_rows: u32,
    n_heads: u32,
    d_key: u32,
    d_value: u32,
    reversed: u32,
    strict: u32,
    has_decay: u32,
    chunk: u32, // tokens of a chunk
    first: u32, // of the tokens of this launch
    end: u32,
}

@group(0) @binding(0) var<uniform> p: LinearParams;

// Row of all sequences and heads together.
fn row_of(map: u32, idx: u32) -> u32 {
    let row = select(idx, p.n_rows - 1u - idx, p.reversed == 1u);
    return ((map / p.n_heads) * p.n_rows + row) * p.n_heads + map % p.n_heads;
}

fn key_start(map: u32, idx: u32) -> u32 {
    return row_of(map, idx) * p.d_key;
}

fn value_start(map: u32, idx: u32) -> u32 {
    return row_of(map, idx) * p.d_value;
}

// What is kept of the past in the step to token idx: reversed, the token before says it.
fn gate(map: u32, idx: u32) -> f32 {
    if p.has_decay == 0u || idx == 0u {
        return 1.0;
    }
    return exp(decay[row_of(map, idx - select(0u, 1u, p.reversed == 1u))]);
}
