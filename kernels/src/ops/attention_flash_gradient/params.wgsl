// What the shaders of these gradients share.

struct AttentionFlashGradientParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_heads: u32,
    d_head: u32,
    block_rows: u32,
    block_keys: u32,
    n_row_blocks: u32, // that count
    n_key_blocks: u32, // that count
    causal: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: AttentionFlashGradientParams;
