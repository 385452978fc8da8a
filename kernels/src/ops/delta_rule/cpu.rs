//! CPU twin of [`super::DeltaRule`]: a map at a time, its rows copied side by side in the order in which
//! they are read.

use super::DeltaRule;
use crate::engine::cpu::Context;
use crate::ops::gru::cpu::dot;
use crate::ops::linear_attention::Form;
use crate::ops::linear_attention::cpu::Order;

pub(crate) fn run(op: &DeltaRule, cx: &mut Context<'_>) {
    let DeltaRule { of } = op;
    let [k, v, beta] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let [d_key, d_value] = [0, 1].map(|idx| cx.inputs[idx].shape.n_cols() / of.n_heads);
    let decay = of.has_decay.then(|| cx.inputs[3].f32());
    let [written, errors, beside @ ..] = &mut *cx.outputs else { unreachable!("two at least") };
    for map in cx.part.of(of.n_maps()) {
        let order = Order::new(of, map, &cx.inputs[0]);
        let mut rows = Rows {
            d_key,
            d_value,
            k: order.gathered(k, d_key),
            beta: order.gathered(beta, 1),
            gates: order.gates(decay),
            // From the values to their errors.
            e: order.gathered(v, d_value),
            u: vec![0.0; order.n_rows * d_value],
        };
        let mut beside = beside.iter_mut().map(|output| {
            let len = output.data.len() / of.n_maps();
            &mut output.data[map * len..][..len]
        });
        let first = beside.next().unwrap_or_default();
        match of.form {
            Form::Attention => rows.solve(order, first),
            Form::Recurrent => rows.recur(first),
            Form::Chunked(n) => {
                let lower = beside.next().unwrap_or_default();
                let keys = beside.next().unwrap_or_default();
                rows.chunk(n, first, lower, keys);
            }
        }
        order.scatter(&rows.u, d_value, written.data);
        order.scatter(&rows.e, d_value, errors.data);
    }
}

/// One map in its order.
struct Rows {
    d_key: usize,
    d_value: usize,
    k: Vec<f32>,
    beta: Vec<f32>,
    gates: Vec<f32>,
    e: Vec<f32>,
    u: Vec<f32>,
}

impl Rows {
    fn key(&self, row: usize) -> &[f32] {
        &self.k[row * self.d_key..][..self.d_key]
    }

    /// Weighed products of a row's key with those of rows `first..row`.
    fn products(&self, first: usize, row: usize, into: &mut [f32]) {
        let mut kept = 1.0;
        for other in (first..row).rev() {
            kept *= self.gates[other + 1];
            into[other - first] = kept * dot(self.key(row), self.key(other));
        }
    }

    /// Takes off row `row` of e what rows `first..` before it wrote, by their weights, and writes it.
    fn substitute(&mut self, first: usize, row: usize, weights: &[f32]) {
        let d = self.d_value;
        let e = &mut self.e[row * d..][..d];
        for (weight, u) in weights.iter().zip(self.u[first * d..row * d].chunks_exact(d)) {
            e.iter_mut().zip(u).for_each(|(e, u)| *e -= weight * u);
        }
        let beta = self.beta[row];
        self.u[row * d..][..d].iter_mut().zip(e).for_each(|(u, e)| *u = beta * *e);
    }

    fn solve(&mut self, order: Order, pattern: &mut [f32]) {
        let n = order.n_rows;
        let mut weights = vec![0.0; n];
        for row in 0..n {
            self.products(0, row, &mut weights);
            self.substitute(0, row, &weights[..row]);
            let place = if order.reversed { n - 1 - row } else { row };
            let into = &mut pattern[place * n..][..n];
            into.fill(0.0);
            into[..row].copy_from_slice(&weights[..row]);
            if order.reversed {
                into.reverse();
            }
        }
    }

    fn recur(&mut self, memory: &mut [f32]) {
        let (d_key, d) = (self.d_key, self.d_value);
        memory.fill(0.0);
        for row in 0..self.beta.len() {
            let k = &self.k[row * d_key..][..d_key];
            let (e, u) = (&mut self.e[row * d..][..d], &mut self.u[row * d..][..d]);
            let gate = self.gates[row];
            for (memory, k) in memory.chunks_exact_mut(d).zip(k) {
                for (memory, e) in memory.iter_mut().zip(&mut *e) {
                    *memory *= gate;
                    *e -= k * *memory;
                }
            }
            u.iter_mut().zip(e).for_each(|(u, e)| *u = self.beta[row] * *e);
            for (memory, k) in memory.chunks_exact_mut(d).zip(k) {
                memory.iter_mut().zip(&*u).for_each(|(memory, u)| *memory += k * u);
            }
        }
    }

    fn chunk(&mut self, n: usize, memory: &mut [f32], lower: &mut [f32], keys: &mut [f32]) {
        let (d_key, d) = (self.d_key, self.d_value);
        let n_rows = self.beta.len();
        memory.fill(0.0);
        lower.fill(0.0);
        for first in (0..n_rows).step_by(n) {
            let rows = first..(first + n).min(n_rows);
            // The errors as if nothing had been written before the chunk, and by the same system what
            // they are of each key.
            let mut kept = 1.0;
            for row in rows.clone() {
                kept *= self.gates[row];
                let weights = &mut lower[row * n..][..n];
                self.products(first, row, weights);
                self.substitute(first, row, &weights[..row - first]);
                let (before, own) = keys[first * d_key..].split_at_mut((row - first) * d_key);
                own.iter_mut().zip(self.key(row)).for_each(|(own, k)| *own = kept * k);
                for (other, before) in (first..).zip(before.chunks_exact(d_key)) {
                    let weight = weights[other - first] * self.beta[other];
                    own.iter_mut().zip(before).for_each(|(own, before)| *own -= weight * before);
                }
            }
            // What was there before enters.
            for row in rows.clone() {
                let (e, u) = (&mut self.e[row * d..][..d], &mut self.u[row * d..][..d]);
                for (memory, key) in memory.chunks_exact(d).zip(&keys[row * d_key..]) {
                    e.iter_mut().zip(memory).for_each(|(e, memory)| *e -= key * memory);
                }
                u.iter_mut().zip(e).for_each(|(u, e)| *u = self.beta[row] * *e);
            }
            for row in rows {
                let (gate, u) = (self.gates[row], &self.u[row * d..][..d]);
                for (memory, k) in memory.chunks_exact_mut(d).zip(&self.k[row * d_key..]) {
                    let cells = memory.iter_mut().zip(u);
                    cells.for_each(|(memory, u)| *memory = *memory * gate + k * u);
                }
            }
        }
    }
}
