// How many rows count: those whose own column, in `columns`, there is. Needs shared/reduce.wgsl; `p` with
// n_rows and n_cols, and `columns`, are declared by the shader.

fn n_counted(lane: u32) -> f32 {
    var n = 0.0;
    for (var row = lane; row < p.n_rows; row += WORKGROUP_SIZE) {
        n += select(0.0, 1.0, columns[row] < p.n_cols);
    }
    return max(reduce_sum(n, lane), 1.0);
}
