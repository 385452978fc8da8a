//! Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum of
//! a matrix, made nearly orthogonal by five steps of Newton–Schulz, then a step of SGD. Composed of
//! other ops; Liu et al. 2025 (arXiv 2502.16982) is where the size of the step comes from.

use super::matmul::Matmul;
use super::mix::Mix;
use super::normalise::Normalise;
use super::update::Rule;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::TensorId;

/// Coefficients of the polynomial a·X + b·(X·Xᵀ)·X + c·(X·Xᵀ)²·X.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];

/// Steps of Newton–Schulz.
const N_STEPS: usize = 5;

/// Parameters of Muon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Of the running sum of gradients.
    pub momentum: f32,
    /// Looks ahead by one step.
    pub nesterov: bool,
    /// Weight decay, decoupled.
    pub decay: f32,
    /// The step is √max(rows, columns) times this: 0.2 matches the size of Adam's.
    pub size: f32,
}

impl Default for Muon {
    fn default() -> Self {
        Self { momentum: 0.95, nesterov: true, decay: 0.0, size: 0.2 }
    }
}

impl Recorder {
    /// Records a step of [`Muon`] on a matrix. Inputs as of [`Recorder::update`]; the norm and the
    /// constants' scale have no part in it, since the step's size is fixed.
    ///
    /// # Errors
    /// If the parameter and its moment are not matrices, states both, like the gradient.
    pub fn muon(
        &mut self,
        op: Muon,
        parameter: TensorId,
        moment: TensorId,
        gradient: TensorId,
        constants: TensorId,
    ) -> Result<(), RecordError> {
        let shape = self.shape(parameter);
        let fits = shape.dims().len() == 2
            && [moment, gradient].iter().all(|&id| self.shape(id) == shape)
            && self.is_state(parameter)
            && self.is_state(moment);
        let operands = [parameter, moment, gradient];
        self.expect(fits, "muon", &operands, || "matrices alike, states the first two".to_owned())?;
        // m = momentum·m + g.
        let faded = self.times(moment, op.momentum - 1.0)?;
        let change = self.add(faded, gradient)?;
        self.accumulate(change, moment)?;
        let followed = match op.nesterov {
            true => self.mix(moment, gradient, Mix { a: op.momentum, b: 1.0 })?,
            false => self.times(moment, 1.0)?,
        };
        let squares = self.sum_squares(followed, None)?;
        let mut x = self.normalise(followed, squares, Normalise { eps: 1e-7 })?;
        let [a, b, c] = COEFFICIENTS;
        // The smaller of X·Xᵀ and Xᵀ·X.
        let is_tall = shape.n_rows() > shape.n_cols();
        for _ in 0..N_STEPS {
            let gram = Matmul { a_turned: is_tall, b_turned: !is_tall };
            let gram = self.matmul(x, x, gram)?;
            let square = self.matmul(gram, gram, Matmul::default())?;
            let inner = self.mix(gram, square, Mix { a: b, b: c })?;
            let (left, right) = if is_tall { (x, inner) } else { (inner, x) };
            let turned = self.matmul(left, right, Matmul::default())?;
            x = self.mix(x, turned, Mix { a, b: 1.0 })?;
        }
        let longest = shape.n_rows().max(shape.n_cols()) as f32;
        let step = self.times(x, op.size * longest.sqrt())?;
        // Decoupled decay is that of a gradient which is used as it is.
        let rule = Rule::Sgd { momentum: 0.0, nesterov: false, decay: op.decay };
        self.update(rule, parameter, &[], step, constants, None)
    }
}

#[cfg(test)]
mod tests {
    use super::Muon;
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{engines, noise};
    use crate::ops::update::Constants;
    use crate::{Control, DType, InputData, Read, Recorder, Shape, Step};

    /// XᵀX (or XXᵀ) of a step is near the identity: its singular values lie around 1.
    #[test]
    fn steps_are_nearly_orthogonal() {
        for [n, k] in [[12, 12], [40, 9], [9, 40]] {
            for mut engine in engines(CpuOptions::default()) {
                let shape = Shape::from([n, k]);
                let [w, m] = ["w", "m"].map(|label| engine.add_state(label, shape).expect("small"));
                let mut recorder = Recorder::new();
                let gradient = recorder.input(shape, DType::F32);
                let constants = recorder.input([8], DType::F32);
                let (parameter, moment) = (recorder.state(w, shape), recorder.state(m, shape));
                let op = Muon { size: (n.max(k) as f32).sqrt().recip(), ..Muon::default() };
                recorder.muon(op, parameter, moment, gradient, constants).expect("fits");
                let recording = recorder.finish();
                let (g, now) = (noise(3, n * k), Constants::at(1, 1.0, 0.9, 0.9).values());
                let inputs = [InputData::F32(&g), InputData::F32(&now)];
                let reads = [Read::state(w, vec![0..n, 0..k]), Read::state(m, vec![0..n, 0..k])];
                let control = Control::default();
                let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
                let got = pollster::block_on(run).expect("runs");
                let misses = got[1].iter().zip(&g).map(|(m, g)| (m - g).abs());
                assert!(misses.fold(0.0, f32::max) <= 1e-6, "the moment starts as the gradient");
                let step = |row: usize, col: usize| f64::from(got[0][row * k + col]);
                let small = n.min(k);
                for i in 0..small {
                    let dot = |j: usize| -> f64 {
                        match n > k {
                            true => (0..n).map(|row| step(row, i) * step(row, j)).sum(),
                            false => (0..k).map(|col| step(i, col) * step(j, col)).sum(),
                        }
                    };
                    // Newton–Schulz with these coefficients leaves singular values in 0.7..1.2.
                    assert!((0.3..1.6).contains(&dot(i)), "{n}×{k}, {i}: {}", dot(i));
                    let along: f64 = (0..small).filter(|&j| j != i).map(|j| dot(j).abs()).sum();
                    assert!(along / small as f64 <= 0.15, "{n}×{k}, {i}: {along}");
                }
                // Against the gradient, not along it.
                let along: f64 =
                    got[0].iter().zip(&g).map(|(w, g)| f64::from(*w) * f64::from(*g)).sum();
                assert!(along < 0.0, "{along}");
            }
        }
    }
}
