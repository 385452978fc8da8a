// C = A B in tiles of 64 rows by 64 columns; 16 inner columns at a time lie in workgroup memory,
// each of 16 x 16 invocations keeps 4 x 4 sums. Rows of a tile are padded by one value, so that
// neighbours read different banks.
// Shapes: a [n_rows, n_inner] and b [n_inner, n_cols] by their strides; c [n_rows, n_cols].

const TILE: u32 = 64u;
const INNER: u32 = 16u;
const PADDED: u32 = 65u;
const WORKGROUP_SIZE: u32 = 256u;

struct MatmulParams {
    n_rows: u32, // the end of this launch's rows
    n_cols: u32,
    n_inner: u32,
    first_row: u32,
    a_row: u32,
    a_col: u32,
    b_row: u32,
    b_col: u32,
}

@group(0) @binding(0) var<uniform> p: MatmulParams;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

var<workgroup> a_tile: array<f32, 1040>; // [INNER, PADDED]
var<workgroup> b_tile: array<f32, 1040>; // [INNER, PADDED]

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) idx: u32) {
    let first_col = group.x * TILE;
    let first_row = p.first_row + group.y * TILE;
    let tx = idx % 16u;
    let ty = idx / 16u;
    var sums = array<array<f32, 4>, 4>();
    for (var begin = 0u; begin < p.n_inner; begin += INNER) {
        for (var i = idx; i < TILE * INNER; i += WORKGROUP_SIZE) {
            // Neighbours read neighbouring values, whichever way the matrix lies.
            var line = i / INNER;
            var inner = i % INNER;
            if p.a_row == 1u {
                line = i % TILE;
                inner = i / TILE;
            }
            let row = min(first_row + line, p.n_rows - 1u);
            let k = min(begin + inner, p.n_inner - 1u);
            a_tile[inner * PADDED + line] = select(0.0, a[row * p.a_row + k * p.a_col], begin + inner < p.n_inner);
        }
        for (var i = idx; i < TILE * INNER; i += WORKGROUP_SIZE) {
            var line = i % TILE;
            var inner = i / TILE;
            if p.b_row == 1u {
                line = i / INNER;
                inner = i % INNER;
            }
            let col = min(first_col + line, p.n_cols - 1u);
            let k = min(begin + inner, p.n_inner - 1u);
            b_tile[inner * PADDED + line] = select(0.0, b[k * p.b_row + col * p.b_col], begin + inner < p.n_inner);
        }
        workgroupBarrier();
        for (var inner = 0u; inner < INNER; inner++) {
            let at = inner * PADDED;
            let b0 = b_tile[at + tx];
            let b1 = b_tile[at + tx + 16u];
            let b2 = b_tile[at + tx + 32u];
            let b3 = b_tile[at + tx + 48u];
            for (var r = 0u; r < 4u; r++) {
                let value = a_tile[at + ty + 16u * r];
                sums[r][0] += value * b0;
                sums[r][1] += value * b1;
                sums[r][2] += value * b2;
                sums[r][3] += value * b3;
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) {
        let row = first_row + ty + 16u * r;
        for (var i = 0u; i < 4u; i++) {
            let col = first_col + tx + 16u * i;
            if row < p.n_rows && col < p.n_cols {
                c[row * p.n_cols + col] = sums[r][i];
            }
        }
    }
}
