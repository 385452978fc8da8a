// Gated recurrent unit: rows in order, columns side by side in one workgroup.
// Shapes: x, gates [T, 3d]; w [3d, d]; b [3d]; start [1, d]; h [T, d]; states [C, d], of which
// rows past.. become h. Rows are counted in the order in which they run: first..end of them here.
// Needs shared/step.wgsl, shared/activate.wgsl, shared/recurrent.wgsl.

struct GruParams {
    n_rows: u32, // T
    d: u32,
    first: u32,
    end: u32,
    backwards: u32,
    has_start: u32,
}

@group(0) @binding(0) var<uniform> p: GruParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read> start: array<f32>;
@group(0) @binding(5) var<storage, read_write> h: array<f32>;
@group(0) @binding(6) var<storage, read_write> gates: array<f32>;
@group(0) @binding(7) var<storage, read_write> states: array<f32>;

// What the hidden state adds to a gate.
fn product(row: u32) -> f32 {
    var sum = b[row];
    for (var k = 0u; k < p.d; k++) {
        sum += w[row * p.d + k] * before[k];
    }
    return sum;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
        var value = 0.0;
        if p.backwards == 1u && p.first > 0u {
            value = states[(p.n_rows - p.first) * p.d + col];
        } else if p.backwards == 0u && now.past + p.first > 0u {
            value = states[(now.past + p.first - 1u) * p.d + col];
        } else if p.has_start == 1u {
            value = start[col];
        }
        before[col] = value;
    }
    workgroupBarrier();
    for (var idx = p.first; idx < p.end; idx++) {
        var row = idx;
        if p.backwards == 1u {
            row = p.n_rows - 1u - idx;
        }
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 3u * p.d + col;
            let r = sigmoid(x[at] + product(col));
            let z = sigmoid(x[at + p.d] + product(p.d + col));
            let n = tanh_safe(x[at + 2u * p.d] + r * product(2u * p.d + col));
            gates[at] = r;
            gates[at + p.d] = z;
            gates[at + 2u * p.d] = n;
            h[row * p.d + col] = (1.0 - z) * n + z * before[col];
        }
        workgroupBarrier();
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let value = h[row * p.d + col];
            before[col] = value;
            states[(now.past + row) * p.d + col] = value;
        }
        workgroupBarrier();
    }
}
