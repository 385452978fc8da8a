//! Whole-model gradients of small transformers and ten steps of AdamW against PyTorch
//! (golden/gradients.py), on both engines: norms before and after, LayerNorm and RMSNorm, learned,
//! rotary and linear positions, all activations, grouped heads, tied embedding.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use pollster::block_on;
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::ops::cross_entropy::CrossEntropy;
use vitrine_kernels::ops::rope::{Rope, RopePairs};
use vitrine_kernels::ops::softmax::Reach;
use vitrine_kernels::ops::update::{Constants, Rule};
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, Recorder, Recording, Shape, StateId, Step, TensorId,
};
use vitrine_tests::golden::{Golden, cpu, difference, gpu};

const D: usize = 32;
const N_HEADS: usize = 4;
const D_HEAD: usize = D / N_HEADS;
const N_LAYERS: usize = 2;
const N_SEQUENCES: usize = 3;
const T: usize = 11;
const EPS: f32 = 1e-5;

/// How the models of golden/gradients.py differ.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    post: bool,
    rms: bool,
    act: Activation,
    n_kv_heads: usize,
    rotary: bool,
    alibi: bool,
    smoothing: f32,
}

const PLAIN: Kind = Kind {
    name: "pre_layer",
    post: false,
    rms: false,
    act: Activation::GeluErf,
    n_kv_heads: 4,
    rotary: false,
    alibi: false,
    smoothing: 0.0,
};

const KINDS: [Kind; 4] = [
    PLAIN,
    Kind { name: "post_layer", post: true, act: Activation::Relu, smoothing: 0.1, ..PLAIN },
    Kind {
        name: "pre_rms",
        rms: true,
        act: Activation::Silu,
        n_kv_heads: 2,
        rotary: true,
        ..PLAIN
    },
    Kind {
        name: "post_rms",
        post: true,
        rms: true,
        act: Activation::GeluTanh,
        n_kv_heads: 1,
        alibi: true,
        ..PLAIN
    },
];

/// A forward pass in the making.
struct Pass {
    recorder: Recorder,
    kind: Kind,
    parameters: BTreeMap<String, TensorId>,
    positions: TensorId,
}

impl Pass {
    fn norm(&mut self, x: TensorId, name: &str) -> TensorId {
        let gain = self.parameters[&format!("{name}.gain")];
        let bias = self.parameters.get(&format!("{name}.bias")).copied();
        let normed = match self.kind.rms {
            true => self.recorder.rms_norm(x, Some(gain), EPS),
            false => self.recorder.layer_norm(x, Some(gain), bias, EPS),
        };
        normed.unwrap().y
    }

    fn linear(&mut self, x: TensorId, name: &str) -> TensorId {
        let bias = self.parameters.get(&format!("{name}.bias")).copied();
        self.recorder.linear(x, self.parameters[name], bias).unwrap()
    }

    fn attend(&mut self, x: TensorId, at: &str) -> TensorId {
        let kind = self.kind;
        let [mut q, mut k, v] = ["q", "k", "v"].map(|name| self.linear(x, &format!("{at}{name}")));
        if kind.rotary {
            let rope = Rope {
                d_head: D_HEAD,
                n_rotary: D_HEAD,
                base: 1e4,
                pairs: RopePairs::Halves,
                has_factors: false,
                inverse: false,
            };
            q = self.recorder.rope(q, self.positions, None, rope).unwrap();
            k = self.recorder.rope(k, self.positions, None, rope).unwrap();
        }
        let op = Attention {
            n_sequences: N_SEQUENCES,
            n_heads: N_HEADS,
            n_kv_heads: kind.n_kv_heads,
            d_head: D_HEAD,
            scale: (D_HEAD as f32).sqrt().recip(),
            causal: true,
            reach: Reach { window: 0, alibi: kind.alibi },
            ..Attention::default()
        };
        let z = self.recorder.attention([q, k, v], Given::default(), op).unwrap().z;
        self.linear(z, &format!("{at}o"))
    }

    fn mlp(&mut self, x: TensorId, at: &str) -> TensorId {
        let up = self.linear(x, &format!("{at}in"));
        let inner = match self.kind.act {
            Activation::Silu => {
                let gate = self.linear(x, &format!("{at}gate"));
                self.recorder.gated(gate, up, Activation::Silu)
            }
            act => self.recorder.activation(up, act),
        };
        self.linear(inner.unwrap(), &format!("{at}out"))
    }

    fn logits(&mut self, ids: TensorId) -> TensorId {
        let mut x = self.recorder.gather(self.parameters["embed"], ids).unwrap();
        if let Some(&table) = self.parameters.get("positions") {
            let rows = self.recorder.gather(table, self.positions).unwrap();
            x = self.recorder.add(x, rows).unwrap();
        }
        for layer in 0..N_LAYERS {
            let at = format!("blocks.{layer}.");
            let (ln1, ln2) = (format!("{at}ln1"), format!("{at}ln2"));
            for (is_mlp, name) in [(false, ln1), (true, ln2)] {
                let from = if self.kind.post { x } else { self.norm(x, &name) };
                let y = if is_mlp { self.mlp(from, &at) } else { self.attend(from, &at) };
                x = self.recorder.add(x, y).unwrap();
                x = if self.kind.post { self.norm(x, &name) } else { x };
            }
        }
        if !self.kind.post {
            x = self.norm(x, "ln_final");
        }
        let head = if self.parameters.contains_key("unembed") { "unembed" } else { "embed" };
        self.linear(x, head)
    }
}

/// A model on an engine, and its training step.
struct Trained {
    engine: Engine,
    states: BTreeMap<String, StateId>,
    recording: Recording,
    loss: TensorId,
    norm: TensorId,
    gradients: BTreeMap<String, TensorId>,
}

fn trained(mut engine: Engine, kind: Kind, golden: &Golden) -> Trained {
    let mut pass = {
        let mut recorder = Recorder::new();
        let positions = recorder.input([N_SEQUENCES * T], DType::U32);
        Pass { recorder, kind, parameters: BTreeMap::new(), positions }
    };
    let mut states = BTreeMap::new();
    for (name, (shape, values)) in &golden.tensors {
        let Some(name) = name.strip_prefix("start.") else { continue };
        let state = engine.add_state(name, Shape::new(shape)).unwrap();
        engine.write_state(state, values).unwrap();
        states.insert(name.to_owned(), state);
        let parameter = pass.recorder.state(state, &shape[..]);
        pass.parameters.insert(name.to_owned(), parameter);
    }
    let ids = pass.recorder.input([N_SEQUENCES * T], DType::U32);
    let targets = pass.recorder.input([N_SEQUENCES * T], DType::U32);
    let constants = pass.recorder.input([8], DType::F32);
    let logits = pass.logits(ids);
    let Pass { mut recorder, parameters, .. } = pass;
    let op = CrossEntropy { smoothing: kind.smoothing };
    let loss = recorder.cross_entropy(logits, targets, op).unwrap().loss;
    let wrt: Vec<TensorId> = parameters.values().copied().collect();
    let gradients = recorder.backward(loss, &wrt).unwrap();
    let mut norm = None;
    for &gradient in &gradients {
        norm = Some(recorder.sum_squares(gradient, norm).unwrap());
        recorder.keep(gradient);
    }
    for (parameter, gradient) in wrt.iter().zip(&gradients) {
        let shape = recorder.shape(*parameter);
        let moments = [(); 2].map(|()| {
            let moment = engine.add_state("moment", shape).unwrap();
            recorder.state(moment, shape)
        });
        let decay = if shape.dims().len() == 2 { 0.1 } else { 0.0 };
        let rule = Rule::Adam { beta1: 0.9, beta2: 0.95, eps: 1e-6, decay, decoupled: true };
        recorder.update(rule, *parameter, &moments, *gradient, constants, norm).unwrap();
    }
    let norm = norm.unwrap();
    recorder.keep(loss);
    recorder.keep(norm);
    let gradients = parameters.keys().cloned().zip(gradients).collect();
    Trained { engine, states, recording: recorder.finish(), loss, norm, gradients }
}

fn check(engine: Engine, kind: Kind, tolerance: f64) {
    let golden = Golden::open(&format!("gradients_{}", kind.name));
    let name = format!("{}, {}", kind.name, engine.name());
    let mut model = trained(engine, kind, &golden);
    let [ids, targets] = ["ids", "targets"].map(|key| golden.list(key).unwrap());
    let positions: Vec<u32> = (0..(N_SEQUENCES * T) as u32).map(|at| at % T as u32).collect();
    let list = |key: &str| -> Vec<f64> {
        golden.metadata[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (losses, norms) = (list("losses"), list("norms"));
    let control = Control::default();
    for step in 0..10 {
        let rate = 1e-2 * (step + 1) as f32 / 10.0;
        let now = Constants { max_norm: 0.5, ..Constants::at(step + 1, rate, 0.9, 0.95) };
        let values = now.values();
        let inputs = [
            InputData::U32(&positions),
            InputData::U32(&ids),
            InputData::U32(&targets),
            InputData::F32(&values),
        ];
        let mut reads: Vec<Read> =
            [model.loss, model.norm].map(|id| Read::tensor(&model.recording, id)).to_vec();
        if step == 0 {
            let all = model.gradients.values();
            reads.extend(all.map(|&id| Read::tensor(&model.recording, id)));
        }
        let run = model.engine.run(&model.recording, &inputs, Step::default(), &reads, &control);
        let got = block_on(run).unwrap();
        let at = step as usize;
        let off = (f64::from(got[0][0]) - losses[at]).abs() / losses[at];
        assert!(off <= tolerance, "{name}: loss {} of step {step}, not {}", got[0][0], losses[at]);
        let off = (f64::from(got[1][1]).sqrt() - norms[at]).abs() / norms[at];
        assert!(off <= 10.0 * tolerance, "{name}: norm of step {step} off by {off:e}");
        for (key, got) in model.gradients.keys().zip(got.iter().skip(2)) {
            let found = difference(got, &golden.tensors[&format!("gradient.{key}")].1);
            assert!(found.relative <= tolerance, "{name}: gradient of {key}: {found:?}");
        }
    }
    for (key, &state) in &model.states {
        let (shape, expected) = &golden.tensors[&format!("end.{key}")];
        let read = Read::state(state, shape.iter().map(|&n| 0..n).collect());
        let got = block_on(model.engine.read(&[read])).unwrap();
        let found = difference(&got[0], expected);
        assert!(found.relative <= tolerance, "{name}: {key} after ten steps: {found:?}");
    }
}

#[test]
fn gradients_and_ten_steps_on_the_cpu_are_those_of_pytorch() {
    KINDS.into_iter().for_each(|kind| check(cpu(), kind, 1e-5));
}

#[test]
fn gradients_and_ten_steps_on_the_gpu_are_those_of_pytorch() {
    KINDS.into_iter().for_each(|kind| check(gpu(), kind, 1e-4));
}
