//! Speed of the CPU engine on the shapes of a 135M-parameter decoder (30 blocks, 576 columns,
//! weights Q4_1, table Q8_0), filled with noise: products alone, then whole runs.
//!
//! `cargo run --release --example cpu_bench --no-default-features` prints a line a figure. Built
//! for wasm32-unknown-unknown, `node cpu_bench.mjs MODULE` runs the same.

use std::cell::RefCell;
use std::fmt::Write;

use vitrine_kernels::engine::cpu::{Activations, CpuEngine, CpuOptions};
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::attention_values::AttentionValues;
use vitrine_kernels::ops::rope::{Rope, RopePairs};
use vitrine_kernels::ops::softmax::Masks;
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, RecordError, Recorder, Recording, Shape, StateId,
    Step, TensorId, WeightId,
};
use web_time::Instant;

const D: usize = 576;
const D_MLP: usize = 1536;
const N_HEADS: usize = 9;
const N_KV_HEADS: usize = 3;
const D_HEAD: usize = 64;
const D_KV: usize = N_KV_HEADS * D_HEAD;
const N_BLOCKS: usize = 30;
const D_VOCAB: usize = 49152;
const N_CTX: usize = 512;

thread_local! {
    static REPORT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A line of the report.
fn say(line: &str) {
    if cfg!(target_arch = "wasm32") {
        REPORT.with_borrow_mut(|report| writeln!(report, "{line}")).unwrap_or_default();
    } else {
        println!("{line}");
    }
}

fn main() {
    if !cfg!(target_arch = "wasm32") {
        for part in 0..N_PARTS {
            bench(part);
        }
    }
}

/// Parts of the benchmark, for the module's caller.
const N_PARTS: u32 = 5;

/// Runs one part and returns where the report's text lies.
#[expect(unsafe_code, reason = "an exported name; nothing else in the module has it")]
#[unsafe(no_mangle)]
pub extern "C" fn bench(part: u32) -> *const u8 {
    REPORT.with_borrow_mut(String::clear);
    if let Err(err) = run_part(part) {
        say(&err.to_string());
    }
    REPORT.with_borrow(|report| report.as_ptr())
}

/// Length of the report's text.
#[expect(unsafe_code, reason = "an exported name; nothing else in the module has it")]
#[unsafe(no_mangle)]
pub extern "C" fn report_len() -> usize {
    REPORT.with_borrow(String::len)
}

fn run_part(part: u32) -> Result<(), Box<dyn std::error::Error>> {
    match part {
        0 => products(),
        1 => whole(Activations::Quantised16, false),
        2 => whole(Activations::Quantised16, true),
        3 => whole(Activations::F32, false),
        _ => whole(Activations::F32, true),
    }
}

fn products() -> Result<(), Box<dyn std::error::Error>> {
    say(&CpuEngine::new().name());
    for (dtype, n, k) in [
        (DType::Q4_1, D, D),
        (DType::Q4_1, D_KV, D),
        (DType::Q4_1, D_MLP, D),
        (DType::Q4_1, D, D_MLP),
        (DType::Q8_0, D_VOCAB, D),
        (DType::F32, D_MLP, D),
    ] {
        for t in [1, 16, 137] {
            if t < 137 || n < D_VOCAB {
                product(dtype, [t, n, k])?;
            }
        }
    }
    Ok(())
}

/// Noise as a file would hold it: blocks with small scales.
fn noise(dtype: DType, n_values: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 32
    };
    match dtype {
        DType::F32 => {
            (0..n_values).flat_map(|_| (next() as f32 / 4e9 - 0.5).to_le_bytes()).collect()
        }
        _ => (0..n_values / 32)
            .flat_map(|_| {
                let mut block: Vec<u8> = (0..dtype.block_bytes()).map(|_| next() as u8).collect();
                block[..2].copy_from_slice(&half::f16::from_f32(0.01).to_le_bytes());
                if dtype == DType::Q4_1 {
                    block[2..4].copy_from_slice(&half::f16::from_f32(-0.075).to_le_bytes());
                }
                block
            })
            .collect(),
    }
}

/// Seconds that the fastest of several calls took.
fn fastest(n: usize, mut call: impl FnMut()) -> f64 {
    let once = |_| {
        let from = Instant::now();
        call();
        from.elapsed().as_secs_f64()
    };
    (0..n).map(once).fold(f64::INFINITY, f64::min)
}

fn product(dtype: DType, [t, n, k]: [usize; 3]) -> Result<(), Box<dyn std::error::Error>> {
    let mut engine = Engine::Cpu(CpuEngine::new());
    let w = engine.add_weight("w", Shape::from([n, k]), dtype, &noise(dtype, n * k))?;
    // Several times, so that a call is long enough for a coarse clock.
    let repeats = (20_000_000 / (t * n * k)).max(1);
    let mut recorder = Recorder::new();
    let x = recorder.input([t, k], DType::F32);
    let w = recorder.weight(w, [n, k], dtype);
    for _ in 0..repeats {
        recorder.linear(x, w, None)?;
    }
    let recording = recorder.finish();
    let values: Vec<f32> = (0..t * k).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let seconds = fastest(5, || {
        run(&mut engine, &recording, &[InputData::F32(&values)], 0, &[]);
    });
    let rate = (t * n * k * repeats) as f64 / seconds / 1e9;
    say(&format!("{dtype:?} {t:>3} x {n} x {k}: {rate:.1} GMAC/s"));
    Ok(())
}

fn run(
    engine: &mut Engine,
    recording: &Recording,
    inputs: &[InputData<'_>],
    past: u32,
    reads: &[Read],
) {
    let step = Step { past, thumbnail_from: 0 };
    let control = Control::default();
    let run = engine.run(recording, inputs, step, reads, &control);
    if let Err(err) = pollster::block_on(run) {
        say(&err.to_string());
    }
}

struct Block {
    norms: [WeightId; 2],
    q: WeightId,
    k: WeightId,
    v: WeightId,
    o: WeightId,
    gate: WeightId,
    up: WeightId,
    down: WeightId,
    keys: StateId,
    values: StateId,
    pattern: StateId,
}

struct Model {
    table: WeightId,
    norm: WeightId,
    blocks: Vec<Block>,
}

impl Model {
    fn new(engine: &mut Engine) -> Result<Self, Box<dyn std::error::Error>> {
        let q4 = noise(DType::Q4_1, D * D_MLP);
        let ones: Vec<u8> = (0..D).flat_map(|_| 1_f32.to_le_bytes()).collect();
        let table = noise(DType::Q8_0, D_VOCAB * D);
        let mut blocks = Vec::new();
        for _ in 0..N_BLOCKS {
            let mut matrix = |n: usize, k: usize| {
                let n_bytes = n * k / 32 * DType::Q4_1.block_bytes();
                engine.add_weight("w", Shape::from([n, k]), DType::Q4_1, &q4[..n_bytes])
            };
            let [q, k, v, o] = [matrix(D, D)?, matrix(D_KV, D)?, matrix(D_KV, D)?, matrix(D, D)?];
            let [gate, up, down] = [matrix(D_MLP, D)?, matrix(D_MLP, D)?, matrix(D, D_MLP)?];
            let mut norm = || engine.add_weight("norm", Shape::from([D]), DType::F32, &ones);
            let norms = [norm()?, norm()?];
            let mut state = |shape: Shape| engine.add_state("state", shape);
            blocks.push(Block {
                norms,
                q,
                k,
                v,
                o,
                gate,
                up,
                down,
                keys: state(Shape::from([N_CTX, D_KV]))?,
                values: state(Shape::from([N_CTX, D_KV]))?,
                pattern: state(Shape::from([N_HEADS, N_CTX, N_CTX]))?,
            });
        }
        let table = engine.add_weight("table", Shape::from([D_VOCAB, D]), DType::Q8_0, &table)?;
        let norm = engine.add_weight("norm", Shape::from([D]), DType::F32, &ones)?;
        Ok(Self { table, norm, blocks })
    }

    /// `t` tokens, the next token of the last.
    fn record(&self, t: usize, keeps_pattern: bool) -> Result<(Recording, Read), RecordError> {
        let mut recorder = Recorder::new();
        let rec = &mut recorder;
        let ids = rec.input([t], DType::U32);
        let positions = rec.input([t], DType::U32);
        let last = rec.input([1], DType::U32);
        let table = rec.weight(self.table, [D_VOCAB, D], DType::Q8_0);
        let mut x = rec.gather(table, ids)?;
        for block in &self.blocks {
            x = block.record(rec, x, positions, t, keeps_pattern)?;
        }
        let x = rec.gather(x, last)?;
        let gain = rec.weight(self.norm, [D], DType::F32);
        let x = rec.rms_norm(x, Some(gain), 1e-5)?.y;
        let logits = rec.linear(x, table, None)?;
        let next = rec.argmax(logits)?;
        rec.keep(next);
        let recording = recorder.finish();
        let read = Read::tensor(&recording, next);
        Ok((recording, read))
    }
}

impl Block {
    fn record(
        &self,
        rec: &mut Recorder,
        x: TensorId,
        positions: TensorId,
        t: usize,
        keeps_pattern: bool,
    ) -> Result<TensorId, RecordError> {
        let matrix = |rec: &mut Recorder, w: WeightId, [n, k]: [usize; 2]| {
            rec.weight(w, [n, k], DType::Q4_1)
        };
        let gain = rec.weight(self.norms[0], [D], DType::F32);
        let normed = rec.rms_norm(x, Some(gain), 1e-5)?.y;
        let [wq, wk, wv, wo] = [(self.q, D), (self.k, D_KV), (self.v, D_KV), (self.o, D)]
            .map(|(w, n)| matrix(rec, w, [n, D]));
        let q = rec.linear(normed, wq, None)?;
        let k = rec.linear(normed, wk, None)?;
        let v = rec.linear(normed, wv, None)?;
        let rope = Rope {
            d_head: D_HEAD,
            n_rotary: D_HEAD,
            base: 10000.0,
            pairs: RopePairs::Halves,
            has_factors: false,
            inverse: false,
        };
        let q = rec.rope(q, positions, None, rope)?;
        let k = rec.rope(k, positions, None, rope)?;
        let keys = rec.state(self.keys, [N_CTX, D_KV]);
        let values = rec.state(self.values, [N_CTX, D_KV]);
        rec.append(k, keys)?;
        rec.append(v, values)?;
        let heads = AttentionScores {
            n_heads: N_HEADS,
            n_kv_heads: N_KV_HEADS,
            d_head: D_HEAD,
            scale: 0.125,
            all_keys: false,
            keys_in_state: true,
        };
        let z = if keeps_pattern {
            let scores = rec.attention_scores(q, keys, heads)?;
            let pattern = rec.state(self.pattern, [N_HEADS, N_CTX, N_CTX]);
            let masks = Masks { causal: true, until_filled: true, ..Masks::default() };
            rec.softmax_into(scores, masks, pattern)?;
            let params = AttentionValues {
                n_heads: N_HEADS,
                n_kv_heads: N_KV_HEADS,
                d_head: D_HEAD,
                pattern_in_state: true,
                all_values: false,
                values_in_state: true,
            };
            rec.attention_values(pattern, values, t, params)?
        } else {
            rec.attention_tiled(
                [q, keys, values],
                Masks { causal: true, ..Masks::default() },
                heads,
            )?
            .z
        };
        let out = rec.linear(z, wo, None)?;
        let x = rec.add(x, out)?;
        let gain = rec.weight(self.norms[1], [D], DType::F32);
        let normed = rec.rms_norm(x, Some(gain), 1e-5)?.y;
        let (gate, up) = (matrix(rec, self.gate, [D_MLP, D]), matrix(rec, self.up, [D_MLP, D]));
        let gate = rec.linear(normed, gate, None)?;
        let up = rec.linear(normed, up, None)?;
        let hidden = rec.gated(gate, up, Activation::Silu)?;
        let down = matrix(rec, self.down, [D, D_MLP]);
        let out = rec.linear(hidden, down, None)?;
        rec.add(x, out)
    }
}

fn cpu_engine(engine: &mut Engine) -> Option<&mut CpuEngine> {
    match engine {
        Engine::Cpu(cpu) => Some(cpu),
        #[cfg(feature = "gpu")]
        _ => None,
    }
}

fn whole(activations: Activations, keeps_pattern: bool) -> Result<(), Box<dyn std::error::Error>> {
    let mut engine = Engine::Cpu(CpuEngine::with_options(CpuOptions { activations }));
    let from = Instant::now();
    let model = Model::new(&mut engine)?;
    let packed = from.elapsed().as_secs_f64();
    say(&format!("{activations:?}, pattern kept: {keeps_pattern}, packed in {packed:.2} s"));
    for (t, past, n) in [(137, 0, 2), (1, 137, 8), (1, 500, 8)] {
        let (recording, read) = model.record(t, keeps_pattern)?;
        let ids: Vec<u32> = (0..t as u32).map(|i| i * 31 % 49152).collect();
        let positions: Vec<u32> = (0..t as u32).map(|i| past + i).collect();
        let last = [t as u32 - 1];
        let inputs = [&ids[..], &positions, &last].map(InputData::U32);
        let reads = [read];
        run(&mut engine, &recording, &inputs, past, &reads);
        let seconds = fastest(n, || run(&mut engine, &recording, &inputs, past, &reads));
        say(&format!("  {t} tokens after {past}: {:.1} tok/s", t as f64 / seconds));
        if let Some(cpu) = cpu_engine(&mut engine) {
            cpu.start_profile();
        }
        run(&mut engine, &recording, &inputs, past, &reads);
        if let Some(cpu) = cpu_engine(&mut engine) {
            let mut profile: Vec<_> = cpu.take_profile().into_iter().collect();
            profile.sort_by_key(|(_, spent)| std::cmp::Reverse(*spent));
            let total: f64 = profile.iter().map(|(_, spent)| spent.as_secs_f64()).sum();
            let line: Vec<_> = profile
                .iter()
                .map(|(op, spent)| format!("{op} {:.1} %", spent.as_secs_f64() / total * 100.0))
                .collect();
            say(&format!("    {}", line.join(", ")));
        }
    }
    Ok(())
}
