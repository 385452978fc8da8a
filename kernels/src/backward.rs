//! The reverse walk over a recording: gradients are ops of the same recording (Linnainmaa 1970;
//! Griewank, Walther 2008, "Evaluating Derivatives").
//!
//! Each op that can be on the way from a parameter to a loss has a rule in its own room,
//! `ops/<op>/gradient.rs`: what it records for the gradients of its inputs, given that of its first
//! output. A tensor that several ops read gets the sum of what they say.

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use crate::error::RecordError;
use crate::ops::{self, Op};
use crate::recording::{Node, Recorder};
use crate::tensor::{DType, TensorId};

/// What a rule gives: for each input its gradient, where it has one.
pub(crate) type Gradients = Result<Vec<Option<TensorId>>, RecordError>;

/// What a rule sees of its node.
pub(crate) struct Upstream<'a> {
    /// The node's operands.
    pub inputs: &'a [TensorId],
    /// Its results.
    pub outputs: &'a [TensorId],
    /// For each input, whether its gradient leads anywhere.
    pub wanted: &'a [bool],
    /// Gradient of the first result.
    pub gradient: TensorId,
}

impl Upstream<'_> {
    /// What `record` gives, if the gradient of input `idx` is wanted.
    pub fn wanted_by(
        &self,
        idx: usize,
        recorder: &mut Recorder,
        record: impl FnOnce(&mut Recorder) -> Result<TensorId, RecordError>,
    ) -> Result<Option<TensorId>, RecordError> {
        if self.wanted[idx] { record(recorder).map(Some) } else { Ok(None) }
    }
}

impl Op {
    /// The rule of an op, or `None` where it has none.
    fn gradients(&self, up: &Upstream<'_>, recorder: &mut Recorder) -> Option<Gradients> {
        Some(match self {
            Self::Gather(op) => ops::gather::gradient::gradients(op, up, recorder),
            Self::Linear(op) => ops::linear::gradient::gradients(op, up, recorder),
            Self::LayerNorm(op) => ops::layer_norm::gradient::gradients(op, up, recorder),
            Self::RmsNorm(op) => ops::rms_norm::gradient::gradients(op, up, recorder),
            Self::Rope(op) => ops::rope::gradient::gradients(op, up, recorder),
            Self::Softmax(op) => ops::softmax::gradient::gradients(op, up, recorder),
            Self::Activation(op) => ops::activation::gradient::gradients(op, up, recorder),
            Self::Gated(op) => ops::gated::gradient::gradients(op, up, recorder),
            Self::Add(op) => ops::add::gradient::gradients(op, up, recorder),
            Self::Scale(op) => ops::scale::gradient::gradients(op, up, recorder),
            Self::Matmul(op) => ops::matmul::gradient::gradients(op, up, recorder),
            Self::Multiply(op) => ops::multiply::gradient::gradients(op, up, recorder),
            Self::Mix(op) => ops::mix::gradient::gradients(op, up, recorder),
            Self::Dropout(op) => ops::dropout::gradient::gradients(op, up, recorder),
            Self::Attention(op) => ops::attention::gradient::gradients(op, up, recorder),
            Self::CrossEntropy(op) => ops::cross_entropy::gradient::gradients(op, up, recorder),
            Self::AttentionRecomputed(op) => {
                ops::attention_recomputed::gradient::gradients(op, up, recorder)
            }
            Self::Concat(op) => ops::concat::gradient::gradients(op, up, recorder),
            Self::Window(op) => ops::window::gradient::gradients(op, up, recorder),
            Self::GruBatch(op) => ops::gru_batch::gradient::gradients(op, up, recorder),
            Self::LstmBatch(op) => ops::lstm_batch::gradient::gradients(op, up, recorder),
            Self::AdditiveAttention(op) => {
                ops::additive_attention::gradient::gradients(op, up, recorder)
            }
            Self::PairLoss(op) => ops::pair_loss::gradient::gradients(op, up, recorder),
            Self::PolicyLoss(op) => ops::policy_loss::gradient::gradients(op, up, recorder),
            Self::HeadDots(op) => ops::head_dots::gradient::gradients(op, up, recorder),
            Self::HeadScale(op) => ops::head_scale::gradient::gradients(op, up, recorder),
            Self::RunningSum(op) => ops::running_sum::gradient::gradients(op, up, recorder),
            Self::FeatureMap(op) => ops::feature_map::gradient::gradients(op, up, recorder),
            Self::LinearAttention(op) => {
                ops::linear_attention::gradient::gradients(op, up, recorder)
            }
            Self::DeltaRule(op) => ops::delta_rule::gradient::gradients(op, up, recorder),
            _ => return None,
        })
    }
}

impl Recorder {
    /// Records the gradients of `loss`, one value, with respect to `wrt`, in that order.
    ///
    /// # Errors
    /// If the loss is not one value, an op on the way has no rule, or a tensor of `wrt` does not
    /// reach the loss.
    pub fn backward(
        &mut self,
        loss: TensorId,
        wrt: &[TensorId],
    ) -> Result<Vec<TensorId>, RecordError> {
        let fits = self.shape(loss).len() == 1;
        self.expect(fits, "backward", &[loss], || "a loss of one value".to_owned())?;
        let one = self.fill(self.shape(loss), 1.0);
        self.backward_from(&[(loss, one)], wrt)
    }

    /// As [`Recorder::backward`], from tensors whose gradients are given.
    ///
    /// # Errors
    /// As there, and if a gradient is not like its tensor.
    pub fn backward_from(
        &mut self,
        seeds: &[(TensorId, TensorId)],
        wrt: &[TensorId],
    ) -> Result<Vec<TensorId>, RecordError> {
        let nodes: Vec<Node> = self.nodes().to_vec();
        let mut gradient_of: Vec<Option<TensorId>> = vec![None; self.n_tensors()];
        for &(id, gradient) in seeds {
            let fits = self.shape(id) == self.shape(gradient);
            self.expect(fits, "backward", &[id, gradient], || "a gradient like it".to_owned())?;
            self.add_gradient(&mut gradient_of, id, gradient)?;
        }
        let is_wanted = self.reached_from(&nodes, wrt);
        for node in nodes.iter().rev() {
            let wanted: Vec<bool> = node.inputs.iter().map(|id| is_wanted[id.index()]).collect();
            let has_gradient = |id: &TensorId| gradient_of[id.index()].is_some();
            if !wanted.contains(&true) || !node.outputs.iter().any(has_gradient) {
                continue;
            }
            let of_first = gradient_of[node.outputs[0].index()];
            let others = node.outputs[1..].iter().any(has_gradient);
            let Some(gradient) = of_first.filter(|_| !others) else {
                let what = "a gradient of its first result only";
                return self
                    .expect(false, node.op.name(), &node.outputs, || what.to_owned())
                    .map(|()| Vec::new());
            };
            let (inputs, outputs) = (&node.inputs[..], &node.outputs[..]);
            let up = Upstream { inputs, outputs, wanted: &wanted, gradient };
            let scope = format!("backward.{}", node.scope);
            let rule = self.within(scope, |recorder| node.op.gradients(&up, recorder));
            let Some(gradients) = rule else {
                let what = || "an op with a rule for its gradient".to_owned();
                return self.expect(false, node.op.name(), inputs, what).map(|()| Vec::new());
            };
            for ((&id, gradient), wanted) in inputs.iter().zip(gradients?).zip(wanted) {
                if let Some(gradient) = gradient.filter(|_| wanted) {
                    self.add_gradient(&mut gradient_of, id, gradient)?;
                }
            }
        }
        let mut all = Vec::with_capacity(wrt.len());
        for &id in wrt {
            let gradient = gradient_of[id.index()];
            let what = || "a tensor that reaches the loss".to_owned();
            self.expect(gradient.is_some(), "backward", &[id], what)?;
            all.extend(gradient);
        }
        Ok(all)
    }

    /// Adds to what is known of a tensor's gradient.
    fn add_gradient(
        &mut self,
        gradient_of: &mut [Option<TensorId>],
        id: TensorId,
        gradient: TensorId,
    ) -> Result<(), RecordError> {
        let sum = match gradient_of[id.index()] {
            Some(before) => {
                self.within("backward".to_owned(), |recorder| recorder.add(before, gradient))?
            }
            None => gradient,
        };
        gradient_of[id.index()] = Some(sum);
        Ok(())
    }

    /// For each tensor, whether it is one of `wrt` or computed from one.
    fn reached_from(&self, nodes: &[Node], wrt: &[TensorId]) -> Vec<bool> {
        let mut is_reached = vec![false; self.n_tensors()];
        for id in wrt {
            is_reached[id.index()] = true;
        }
        for node in nodes {
            if node.inputs.iter().any(|id| is_reached[id.index()]) {
                for &id in node.outputs.iter().filter(|&&id| self.dtype(id) == DType::F32) {
                    is_reached[id.index()] = true;
                }
            }
        }
        is_reached
    }
}
