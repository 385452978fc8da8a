//! CPU twin of [`super::Thumbnail`].

use super::Thumbnail;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Thumbnail, cx: &mut Context<'_>) {
    let shape = cx.inputs[0].shape;
    let (n_maps, n_rows, n_cols) = (shape.dims()[0], shape.dims()[1], shape.dims()[2]);
    let n = (cx.step.past as usize + op.n_rows).min(n_rows).min(n_cols);
    let side = cx.outputs[0].shape.n_cols();
    let block = n.div_ceil(side).max(1);
    let first_row = cx.step.thumbnail_from as usize / block;
    let maps = cx.inputs[0].f32(); // [n_maps, C, S]
    let tallest = &mut cx.scratch.row;
    for map in 0..n_maps {
        let wall = &mut cx.outputs[0].data[(op.first_map + map) * side * side..][..side * side];
        wall[(first_row * side).min(side * side)..].fill(0.0);
        for first in (first_row * block..n).step_by(block) {
            tallest.clear();
            tallest.resize(n, 0.0);
            for row in first..(first + block).min(n) {
                let values = &maps[(map * n_rows + row) * n_cols..][..n];
                for (most, value) in tallest.iter_mut().zip(values) {
                    *most = if *value > *most { *value } else { *most };
                }
            }
            let cells = &mut wall[first / block * side..][..side];
            for (cell, values) in cells.iter_mut().zip(tallest.chunks(block)) {
                *cell = values.iter().copied().fold(0.0, f32::max);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuEngine;
    use crate::engine::cpu::testing::noise;
    use crate::ops::softmax::Masks;
    use crate::ops::thumbnail::Thumbnail;
    use crate::{Control, DType, Engine, InputData, Read, Recorder, Shape, Step};

    #[test]
    fn cells_are_the_largest_of_their_blocks() {
        let (n_maps, n, side, block) = (2, 21, 8, 3);
        let mut engine = Engine::Cpu(CpuEngine::new());
        let maps = engine.add_state("maps", Shape::from([n_maps, n, n])).expect("small");
        let wall = engine.add_state("wall", Shape::from([3, side, side])).expect("small");
        let mut recorder = Recorder::new();
        let scores = recorder.input([n_maps, n, n], DType::F32);
        let maps_id = recorder.state(maps, [n_maps, n, n]);
        let wall_id = recorder.state(wall, [3, side, side]);
        recorder.softmax_into(scores, Masks::default(), maps_id).expect("fits");
        let params = Thumbnail { first_map: 1, n_rows: n };
        recorder.thumbnail(maps_id, wall_id, params).expect("fits");
        let recording = recorder.finish();
        let scores = noise(1, n_maps * n * n);
        let reads = [
            Read::state(maps, vec![0..n_maps, 0..n, 0..n]),
            Read::state(wall, vec![1..3, 0..side, 0..side]),
        ];
        let (inputs, control) = ([InputData::F32(&scores)], Control::default());
        let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
        let got = pollster::block_on(run).expect("runs");
        for map in 0..n_maps {
            for (cell_row, cell_col) in (0..side * side).map(|cell| (cell / side, cell % side)) {
                let within = |at: usize| at * block..((at + 1) * block).min(n).max(at * block);
                let expected = within(cell_row)
                    .flat_map(|row| within(cell_col).map(move |col| (row, col)))
                    .map(|(row, col)| got[0][(map * n + row) * n + col])
                    .fold(0.0, f32::max);
                assert_eq!(got[1][(map * side + cell_row) * side + cell_col], expected);
            }
        }
    }
}
