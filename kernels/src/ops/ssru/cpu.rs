//! CPU twin of [`super::Ssru`].

use super::Ssru;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Ssru, cx: &mut Context<'_>) {
    let (gates, x) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    let d = cx.inputs[1].shape.n_cols();
    let past = cx.step.past as usize;
    let [c, cells] = &mut *cx.outputs else { unreachable!("ssru writes two tensors") };
    for (row, c) in c.data.chunks_exact_mut(d).enumerate() {
        let (before, cells) = cells.data.split_at_mut((past + row) * d);
        let before = before.rchunks_exact(d).next();
        for col in 0..d {
            let forget = 1.0 / (1.0 + (-gates[row * d + col]).exp());
            let kept = before.map_or(0.0, |before| before[col]);
            c[col] = forget * kept + (1.0 - forget) * x[row * d + col];
        }
        cells[..d].copy_from_slice(c);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuEngine;
    use crate::engine::cpu::testing::absolute_error;
    use crate::{Control, DType, Engine, InputData, Read, Recorder, Shape, Step};

    /// Runs rows of one column after `past` others.
    fn rows(engine: &mut Engine, state: crate::StateId, past: u32, x: &[f32]) -> Vec<f32> {
        let mut recorder = Recorder::new();
        let gate = recorder.input([x.len(), 1], DType::F32);
        let input = recorder.input([x.len(), 1], DType::F32);
        let cells = recorder.state(state, [8, 1]);
        let c = recorder.ssru(gate, input, cells).expect("fits");
        recorder.keep(c);
        let recording = recorder.finish();
        let reads = [Read::tensor(&recording, c)];
        // σ(ln 3) = ¾.
        let gates = vec![3.0_f32.ln(); x.len()];
        let inputs = [InputData::F32(&gates), InputData::F32(x)];
        let (step, control) = (Step { past, ..Step::default() }, Control::default());
        let run = engine.run(&recording, &inputs, step, &reads, &control);
        pollster::block_on(run).expect("runs").remove(0)
    }

    #[test]
    fn rows_go_on_from_any_row_before() {
        let mut engine = Engine::Cpu(CpuEngine::new());
        let state = engine.add_state("cells", Shape::from([8, 1])).expect("small");
        for (past, x, expected) in [
            (0, &[4.0, 8.0, -16.0][..], &[1.0, 2.75, -1.9375][..]),
            (1, &[8.0, 0.0], &[2.75, 2.0625]),
            (0, &[0.0], &[0.0]),
        ] {
            let expected: Vec<f64> = expected.to_vec();
            let err = absolute_error(&rows(&mut engine, state, past, x), &expected);
            assert!(err <= 1e-6, "after {past}: {err:e}");
        }
    }
}
