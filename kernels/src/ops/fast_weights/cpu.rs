//! CPU twin of [`super::FastWeights`].

use super::FastWeights;
use crate::engine::cpu::Context;
use crate::ops::gru::cpu::dot;

pub(crate) fn run(op: &FastWeights, cx: &mut Context<'_>) {
    let [q, k, v] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let [d_key, d_value] = [1, 2].map(|idx| cx.inputs[idx].shape.n_cols() / op.n_heads);
    let beta = op.has_beta.then(|| cx.inputs[3].f32());
    let decay = op.has_decay.then(|| cx.inputs[3 + usize::from(op.has_beta)].f32());
    let (past, n_rows) = (cx.step.past as usize, cx.inputs[0].shape.n_rows());
    let [z, memory] = &mut *cx.outputs else { unreachable!("fast_weights writes two tensors") };
    let width = op.n_heads * d_value * d_key;
    for row in 0..n_rows {
        let (before, own) = memory.data.split_at_mut((past + row) * width);
        let own = &mut own[..width];
        match before.rchunks_exact(width).next() {
            Some(before) => own.copy_from_slice(before),
            None => own.fill(0.0),
        }
        for (head, own) in own.chunks_exact_mut(d_value * d_key).enumerate() {
            let at = row * op.n_heads + head;
            let (q, k) = (&q[at * d_key..][..d_key], &k[at * d_key..][..d_key]);
            let kept = decay.map_or(1.0, |decay| decay[at].exp());
            let values = v[at * d_value..].iter().zip(&mut z.data[at * d_value..]);
            for (own, (v, z)) in own.chunks_exact_mut(d_key).zip(values) {
                own.iter_mut().for_each(|cell| *cell *= kept);
                let written = beta.map_or(*v, |beta| beta[at] * (v - dot(own, k)));
                own.iter_mut().zip(k).for_each(|(cell, k)| *cell += written * k);
                *z = dot(own, q);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuEngine;
    use crate::engine::cpu::testing::{noise, relative_error};
    use crate::ops::linear_attention::LinearAttention;
    use crate::{Control, DType, Engine, InputData, Read, Recorder, Shape, StateId, Step};

    const HEADS: [usize; 3] = [2, 6, 5];

    /// z of tokens that follow `past` others; with a state through time, else as a batch.
    fn attended(
        engine: &mut Engine,
        state: Option<StateId>,
        rows: std::ops::Range<usize>,
        is_delta: bool,
    ) -> Vec<f32> {
        let [n_heads, d_key, d_value] = HEADS;
        let mut recorder = Recorder::new();
        let widths = [n_heads * d_key, n_heads * d_key, n_heads * d_value, n_heads, n_heads];
        let [q, k, v, beta, decay] =
            widths.map(|width| recorder.input([rows.len(), width], DType::F32));
        let z = match state {
            Some(state) => {
                let memory = recorder.state(state, [12, n_heads * d_key * d_value]);
                let beside = [is_delta.then_some(beta), Some(decay)];
                recorder.fast_weights([q, k, v], beside, memory, n_heads)
            }
            None => {
                let op = LinearAttention { n_sequences: 1, n_heads, ..LinearAttention::default() };
                let attended = match is_delta {
                    true => recorder.delta_attention([q, k, v], beta, Some(decay), op),
                    false => recorder.linear_attention([q, k, v], Some(decay), op),
                };
                attended.map(|attended| attended.z)
            }
        };
        let z = z.expect("fits");
        recorder.keep(z);
        let recording = recorder.finish();
        // Values of the rows; of β and of decays such as they are.
        let values: Vec<Vec<f32>> = (0..5)
            .map(|idx| {
                let all = noise(idx as u64 + 1, 12 * widths[idx]);
                let own = all[rows.start * widths[idx]..rows.end * widths[idx]].iter();
                match idx {
                    3 => own.map(|x| 0.5 + 0.4 * x).collect(),
                    4 => own.map(|x| -x.abs()).collect(),
                    _ => own.map(|x| 0.6 * x).collect(),
                }
            })
            .collect();
        let inputs: Vec<_> = values.iter().map(|values| InputData::F32(values)).collect();
        let reads = [Read::tensor(&recording, z)];
        let (step, control) =
            (Step { past: rows.start as u32, ..Step::default() }, Control::default());
        let run = engine.run(&recording, &inputs, step, &reads, &control);
        pollster::block_on(run).expect("runs").remove(0)
    }

    #[test]
    fn a_text_in_pieces_is_a_batch_of_one() {
        let mut engine = Engine::Cpu(CpuEngine::new());
        let [n_heads, d_key, d_value] = HEADS;
        let shape = Shape::from([12, n_heads * d_key * d_value]);
        let state = engine.add_state("memory", shape).expect("small");
        for is_delta in [false, true] {
            let whole = attended(&mut engine, None, 0..12, is_delta);
            let expected: Vec<f64> = whole.iter().map(|z| f64::from(*z)).collect();
            // On from any token, also one in the middle of what is there.
            attended(&mut engine, Some(state), 0..9, is_delta);
            let pieces = [0..5, 5..6, 6..12].map(|rows| {
                attended(&mut engine, Some(state), rows, is_delta)
            });
            let err = relative_error(&pieces.concat(), &expected);
            assert!(err <= 1e-6, "{is_delta}: {err:e}");
        }
    }
}
