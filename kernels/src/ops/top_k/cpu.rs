//! CPU twin of [`super::TopK`].

use super::TopK;
use crate::engine::cpu::Context;

/// Values of which the largest is found before they are looked at singly.
const STRETCH: usize = 32;

pub(crate) fn run(op: &TopK, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    let x = cx.inputs[0].f32();
    let [values, cols] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    let best = &mut cx.scratch.best;
    for ((row, values), cols) in
        x.chunks_exact(n).zip(values.data.chunks_exact_mut(op.k)).zip(cols.data.chunks_exact_mut(op.k))
    {
        largest_first(row, op.k, best);
        for (slot, &(_, col)) in best.iter().enumerate() {
            values[slot] = row[col as usize];
            cols[slot] = f32::from_bits(col);
        }
    }
}

/// The k largest of a row by [`f32::total_cmp`], as (rank, column).
fn largest_first(row: &[f32], k: usize, best: &mut Vec<(i32, u32)>) {
    best.clear();
    for (idx, stretch) in row.chunks(STRETCH).enumerate() {
        let least = if best.len() < k { i32::MIN } else { best[k - 1].0 };
        let most = stretch.iter().fold(i32::MIN, |most, value| most.max(rank(*value)));
        if best.len() == k && most <= least {
            continue;
        }
        for (col, value) in stretch.iter().enumerate() {
            let rank = rank(*value);
            if best.len() == k {
                if rank <= best[k - 1].0 {
                    continue;
                }
                best.pop();
            }
            let at = best.partition_point(|(other, _)| *other >= rank);
            best.insert(at, (rank, (idx * STRETCH + col) as u32));
        }
    }
}

/// An integer that orders as [`f32::total_cmp`] does.
fn rank(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{engines, noise, run};
    use crate::{DType, InputData, Step};

    #[test]
    fn the_largest_come_first_and_of_equals_the_first() {
        for (t, n, k) in [(1, 1, 1), (2, 63, 63), (3, 65, 7), (1, 4999, 64)] {
            // Few distinct values, so that there are equals; some at the very end.
            let mut x: Vec<f32> = noise(1, t * n).iter().map(|x| (x * 50.0).round()).collect();
            x[t * n - 1] = 99.0;
            for mut engine in engines(CpuOptions::default()) {
                let inputs = [InputData::F32(&x)];
                let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                    let x = recorder.input([t, n], DType::F32);
                    let (values, cols) = recorder.top_k(x, k).expect("fits");
                    vec![values, cols, recorder.argmax(x).expect("fits")]
                });
                for (t, row) in x.chunks_exact(n).enumerate() {
                    let mut order: Vec<usize> = (0..n).collect();
                    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
                    for slot in 0..k {
                        assert_eq!(got[0][t * k + slot], row[order[slot]]);
                        assert_eq!(got[1][t * k + slot].to_bits() as usize, order[slot]);
                    }
                    assert_eq!(got[2][t].to_bits() as usize, order[0]);
                }
            }
        }
    }
}
