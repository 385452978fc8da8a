// Gradients of gated recurrent units over a batch: a workgroup a sequence, rows from the last one back.
// Shapes: dh, befores [B·T, d]; gates [B·T, 4d]; w [3d, d]; shown [B·T]; dx, dproducts [B·T, 3d];
// carry [B, d]: what goes to the row before, in the end the gradient of the start.
// Rows first..end of each sequence run here, the last of all first.

override WORKGROUP_SIZE: u32 = 256u;

struct GruBatchParams {
    n_rows: u32, // T
    d: u32,
    first: u32,
    end: u32,
    backwards: u32,
    has_start: u32,
    has_shown: u32,
}

@group(0) @binding(0) var<uniform> p: GruBatchParams;
@group(0) @binding(1) var<storage, read> dh: array<f32>;
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> befores: array<f32>;
@group(0) @binding(4) var<storage, read> w: array<f32>;
@group(0) @binding(5) var<storage, read> shown: array<u32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<storage, read_write> dproducts: array<f32>;
@group(0) @binding(8) var<storage, read_write> carry: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
) {
    let sequence = group.x + group.y * n_groups.x;
    for (var idx = p.end; idx > p.first; idx--) {
        let row = sequence * p.n_rows + select(idx - 1u, p.n_rows - idx, p.backwards == 1u);
        let is_shown = p.has_shown == 0u || shown[row] != 0u;
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 3u * p.d + col;
            let own = row * 4u * p.d + col;
            let r = gates[own];
            let z = gates[own + p.d];
            let n = gates[own + 2u * p.d];
            let q = gates[own + 3u * p.d];
            var whole = dh[row * p.d + col];
            if idx < p.n_rows {
                whole += carry[sequence * p.d + col];
            }
            var of_n = whole * (1.0 - z) * (1.0 - n * n);
            var of_z = whole * (befores[row * p.d + col] - n) * z * (1.0 - z);
            var kept = whole * z;
            if !is_shown {
                of_n = 0.0;
                of_z = 0.0;
                kept = whole;
            }
            let of_r = of_n * q * r * (1.0 - r);
            dx[at] = of_r;
            dx[at + p.d] = of_z;
            dx[at + 2u * p.d] = of_n;
            dproducts[at] = of_r;
            dproducts[at + p.d] = of_z;
            dproducts[at + 2u * p.d] = of_n * r;
            carry[sequence * p.d + col] = kept;
        }
        storageBarrier();
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            var sum = carry[sequence * p.d + col];
            for (var k = 0u; k < 3u * p.d; k++) {
                sum += dproducts[row * 3u * p.d + k] * w[k * p.d + col];
            }
            carry[sequence * p.d + col] = sum;
        }
        storageBarrier();
    }
}
