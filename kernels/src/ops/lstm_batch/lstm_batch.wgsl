// Long short-term memory over a batch: a workgroup a sequence, rows in order, columns side by side.
// Shapes: x [B·T, 4d]; w [4d, d]; b [4d]; h, befores [B·T, d]; gates [B·T, 5d], the last d the cells.
// Rows first..end of each sequence run here.
// Needs shared/activate.wgsl, shared/recurrent.wgsl.

struct LstmBatchParams {
    n_rows: u32, // T
    d: u32,
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> p: LstmBatchParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;
@group(0) @binding(5) var<storage, read_write> gates: array<f32>;
@group(0) @binding(6) var<storage, read_write> befores: array<f32>;

// What the hidden state adds to a gate.
fn product(row: u32) -> f32 {
    var sum = b[row];
    for (var k = 0u; k < p.d; k++) {
        sum += w[row * p.d + k] * before[k];
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
) {
    let sequence = group.x + group.y * n_groups.x;
    for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
        var value = 0.0;
        if p.first > 0u {
            value = h[(sequence * p.n_rows + p.first - 1u) * p.d + col];
        }
        before[col] = value;
    }
    workgroupBarrier();
    for (var idx = p.first; idx < p.end; idx++) {
        let row = sequence * p.n_rows + idx;
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 4u * p.d + col;
            let to = row * 5u * p.d + col;
            let i = sigmoid(x[at] + product(col));
            let f = sigmoid(x[at + p.d] + product(p.d + col));
            let g = tanh_safe(x[at + 2u * p.d] + product(2u * p.d + col));
            let o = sigmoid(x[at + 3u * p.d] + product(3u * p.d + col));
            var cell = i * g;
            if idx > 0u {
                cell += f * gates[to - p.d];
            }
            gates[to] = i;
            gates[to + p.d] = f;
            gates[to + 2u * p.d] = g;
            gates[to + 3u * p.d] = o;
            gates[to + 4u * p.d] = cell;
            befores[row * p.d + col] = before[col];
            h[row * p.d + col] = o * tanh_safe(cell);
        }
        workgroupBarrier();
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            before[col] = h[row * p.d + col];
        }
        workgroupBarrier();
    }
}
