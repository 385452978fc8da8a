// Gradients of LSTMs over a batch: a workgroup a sequence, rows from the last one back.
// Shapes: dh [B·T, d]; gates [B·T, 5d], the last d the cells; w [4d, d]; dx [B·T, 4d]; carry [B, 2d]: what goes
// to the row before, h then c. Rows first..end of each sequence run here, the last of all first.
// Needs shared/activate.wgsl.

override WORKGROUP_SIZE: u32 = 256u;

struct LstmBatchParams {
    n_rows: u32, // T
    d: u32,
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> p: LstmBatchParams;
@group(0) @binding(1) var<storage, read> dh: array<f32>;
@group(0) @binding(2) var<storage, read> gates: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> carry: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
) {
    let sequence = group.x + group.y * n_groups.x;
    for (var idx = p.end; idx > p.first; idx--) {
        let row = sequence * p.n_rows + idx - 1u;
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 4u * p.d + col;
            let own = row * 5u * p.d + col;
            let to = sequence * 2u * p.d + col;
            let i = gates[own];
            let f = gates[own + p.d];
            let g = gates[own + 2u * p.d];
            let o = gates[own + 3u * p.d];
            let tanh_c = tanh_safe(gates[own + 4u * p.d]);
            var whole = dh[row * p.d + col];
            var dc = 0.0;
            if idx < p.n_rows {
                whole += carry[to];
                dc = carry[to + p.d];
            }
            dc += whole * o * (1.0 - tanh_c * tanh_c);
            var cell = 0.0;
            if idx > 1u {
                cell = gates[own - p.d];
            }
            dx[at] = dc * g * i * (1.0 - i);
            dx[at + p.d] = dc * cell * f * (1.0 - f);
            dx[at + 2u * p.d] = dc * i * (1.0 - g * g);
            dx[at + 3u * p.d] = whole * tanh_c * o * (1.0 - o);
            carry[to + p.d] = dc * f;
        }
        storageBarrier();
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            var sum = 0.0;
            for (var k = 0u; k < 4u * p.d; k++) {
                sum += dx[row * 4u * p.d + k] * w[k * p.d + col];
            }
            carry[sequence * 2u * p.d + col] = sum;
        }
        storageBarrier();
    }
}
