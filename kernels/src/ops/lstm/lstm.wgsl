// Long short-term memory: rows in order, columns side by side in one workgroup.
// Shapes: x, gates [T, 4d]; w [4d, d]; b [4d]; h [T, d]; states, cells [C, d], of which rows
// past.. become h and c. Rows first..end run here.
// Needs shared/step.wgsl, shared/activate.wgsl, shared/recurrent.wgsl.

struct LstmParams {
    d: u32,
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> p: LstmParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;
@group(0) @binding(5) var<storage, read_write> gates: array<f32>;
@group(0) @binding(6) var<storage, read_write> states: array<f32>;
@group(0) @binding(7) var<storage, read_write> cells: array<f32>;

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
        if now.past + p.first > 0u {
            value = states[(now.past + p.first - 1u) * p.d + col];
        }
        before[col] = value;
    }
    workgroupBarrier();
    for (var row = p.first; row < p.end; row++) {
        for (var col = lane; col < p.d; col += WORKGROUP_SIZE) {
            let at = row * 4u * p.d + col;
            let i = sigmoid(x[at] + product(col));
            let f = sigmoid(x[at + p.d] + product(p.d + col));
            let g = tanh_safe(x[at + 2u * p.d] + product(2u * p.d + col));
            let o = sigmoid(x[at + 3u * p.d] + product(3u * p.d + col));
            gates[at] = i;
            gates[at + p.d] = f;
            gates[at + 2u * p.d] = g;
            gates[at + 3u * p.d] = o;
            let here = (now.past + row) * p.d + col;
            var cell = i * g;
            if here >= p.d {
                cell += f * cells[here - p.d];
            }
            cells[here] = cell;
            h[row * p.d + col] = o * tanh_safe(cell);
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
