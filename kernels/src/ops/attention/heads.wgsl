// Where heads of a batch of sequences lie, and which columns a row sees.
// Shapes: q [n_sequences * n_rows, n_heads * d_head]; k, v [n_sequences * n_cols, n_kv_heads *
// d_head]; maps [n_maps, n_rows, n_cols], n_maps = n_sequences * n_heads.

struct AttentionParams {
    n_maps: u32,
    n_rows: u32,
    n_cols: u32,
    n_heads: u32,
    n_kv_heads: u32,
    d_head: u32,
    causal: u32,
    window: u32,
    has_shown: u32,
    n_bias_maps: u32, // 0: no bias
    alibi: u32,
    n_distances: u32, // 0: no biases by distance
    stream: u32,
    threshold: u32,
    factor: f32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: AttentionParams;

// First value of row t of a map's queries.
fn query_start(map: u32, t: u32) -> u32 {
    return (((map / p.n_heads) * p.n_rows + t) * p.n_heads + map % p.n_heads) * p.d_head;
}

// First value of column s of a map's keys.
fn key_start(map: u32, s: u32) -> u32 {
    let head = (map % p.n_heads) / (p.n_heads / p.n_kv_heads);
    return (((map / p.n_heads) * p.n_cols + s) * p.n_kv_heads + head) * p.d_head;
}

// Where row t stands among the columns.
fn position_of(t: u32) -> u32 {
    return select(t, t + p.n_cols - p.n_rows, p.causal == 1u);
}

// One past the last column that row t sees.
fn end_of(t: u32) -> u32 {
    return select(p.n_cols, position_of(t) + 1u, p.causal == 1u);
}

// The first column that row t sees.
fn start_of(t: u32) -> u32 {
    let end = position_of(t) + 1u;
    return select(0u, end - min(end, p.window), p.window > 0u);
}
