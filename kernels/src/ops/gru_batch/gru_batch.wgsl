// Gated recurrent units over a batch: a workgroup a sequence, rows in order, columns side by side.
// Shapes: x [B·T, 3d]; w [3d, d]; b [3d]; start [B, d]; shown [B·T]; h, befores [B·T, d]; gates [B·T, 4d].
// Rows are counted in the order in which they run: first..end of each sequence here.
// Needs shared/activate.wgsl, shared/recurrent.wgsl.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read> start: array<f32>;
@group(0) @binding(5) var<storage, read> shown: array<u32>;
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
@group(0) @binding(7) var<storage, read_write> gates: array<f32>;
@group(0) @binding(8) var<storage, read_write> befores: array<f32>;

// What the hidden state adds to a gate.
fn product(row: u32) -> f32 {
    var sum = b[row];
    for (var k = 0u; k < p.d; k++) {
        sum += w[row * p.d + k] * before[k];
    }
    return sum;
}

// The row of the sequence that runs as number idx.
fn row_of(idx: u32) -> u32 {
    return select(idx, p.n_rows - 1u - idx, p.backwards == 1u);
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
            value = h[(sequence * p.n_rows + row_of(p.first - 1u)) * p.d + col];
        } else if p.has_start == 1u {
            value = start[sequence * p.d + col];
        }
        before[col] = value;
    }
    workgroupBarrier();
    for (var idx = p.first; idx < p.end; idx++) {
        let row = sequence * p.n_rows + row_of(idx);
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 3u * p.d + col;
            let to = row * 4u * p.d + col;
            let r = sigmoid(x[at] + product(col));
            let z = sigmoid(x[at + p.d] + product(p.d + col));
            let q = product(2u * p.d + col);
            let n = tanh_safe(x[at + 2u * p.d] + r * q);
            gates[to] = r;
            gates[to + p.d] = z;
            gates[to + 2u * p.d] = n;
            gates[to + 3u * p.d] = q;
            befores[row * p.d + col] = before[col];
            var value = (1.0 - z) * n + z * before[col];
            if p.has_shown == 1u && shown[row] == 0u {
                value = before[col];
            }
            h[row * p.d + col] = value;
        }
        workgroupBarrier();
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            before[col] = h[row * p.d + col];
        }
        workgroupBarrier();
    }
}
