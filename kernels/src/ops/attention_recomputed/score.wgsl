// A score of attention whose biases, if any, lie in `extra`, and what dropout leaves of its cell.
// Needs shared/philox.wgsl, heads.wgsl; q, k, shown, extra are declared by the shader.

fn is_seen(map: u32, t: u32, s: u32) -> bool {
    if s < start_of(t) || s >= end_of(t) {
        return false;
    }
    return p.has_shown == 0u || shown[(map / p.n_heads) * p.n_cols + s] != 0u;
}

fn slope_of(head: u32) -> f32 {
    let lower = 1u << firstLeadingBit(p.n_heads);
    if head < lower {
        return exp2(-8.0 * f32(head + 1u) / f32(lower));
    }
    return exp2(-4.0 * f32(2u * (head - lower) + 1u) / f32(lower));
}

fn score(map: u32, t: u32, s: u32) -> f32 {
    let of_query = query_start(map, t);
    let to = key_start(map, s);
    var sum = 0.0;
    for (var i = 0u; i < p.d_head; i++) {
        sum += q[of_query + i] * k[to + i];
    }
    var value = sum * p.scale;
    let head = map % p.n_heads;
    if p.n_bias_maps > 0u {
        value += bitcast<f32>(extra[((head % p.n_bias_maps) * p.n_rows + t) * p.n_cols + s]);
    }
    if p.alibi == 1u {
        value += slope_of(head) * (f32(s) - f32(position_of(t)));
    }
    if p.n_distances > 0u {
        let shifted = s + p.n_distances / 2u;
        let distance = shifted - min(shifted, position_of(t));
        value += bitcast<f32>(extra[head * p.n_distances + min(distance, p.n_distances - 1u)]);
    }
    return value;
}

// What a cell's weight is multiplied by.
fn kept(map: u32, t: u32, s: u32) -> f32 {
    if p.threshold == 0u {
        return 1.0;
    }
    let cell = (map * p.n_rows + t) * p.n_cols + s;
    return dropped(cell, p.stream, vec2<u32>(extra[0], extra[1]), p.threshold, p.factor);
}
