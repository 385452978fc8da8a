//! Singular values of weights and of heads' circuits against numpy's (golden/spectra.py).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::PathBuf;

use pollster::block_on;
use serde_json::Value;
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::spectrum::{Eigen, Gram, roots};
use vitrine_kernels::{Control, Engine};
use vitrine_models::arch::{Matrices, Matrix, Model};
use vitrine_models::circuits::Attention;
use vitrine_models::hook::Stack;
use vitrine_models::weights::checkpoint::open_path;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/spectra.json")).unwrap()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

/// By the Gram matrix of the smaller side.
fn singular_values(matrix: &Matrix) -> Vec<f32> {
    let (n_rows, n_cols) = (matrix.n_rows, matrix.n_cols);
    let mut values = matrix.rows(0..n_rows);
    let n = n_rows.min(n_cols);
    if n_rows < n_cols {
        values = (0..values.len()).map(|at| values[at % n_rows * n_cols + at / n_rows]).collect();
    }
    let mut gram = Gram::new(n);
    gram.add_rows(&values);
    roots(&Eigen::new(gram.full(), n).finish().unwrap())
}

fn compare(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, reference) in ours.iter().zip(theirs) {
        let is_near = (ours - reference).abs() <= 2e-6 * theirs[0];
        assert!(is_near, "{what}: {ours} where numpy has {reference}");
    }
}

#[test]
fn of_matrices_as_numpy_has_them() {
    for (model, expected) in golden().as_object().unwrap() {
        let checkpoint = block_on(open_path(&folder(model))).unwrap();
        let matrices = Matrices::of(&checkpoint).unwrap();
        for (name, values) in expected["matrices"].as_object().unwrap() {
            let matrix = block_on(matrices.read(name)).unwrap();
            compare(&singular_values(&matrix), &numbers(values), &format!("{model} {name}"));
        }
    }
}

#[test]
fn of_circuits_as_numpy_has_them() {
    let golden = golden();
    let checkpoint = block_on(open_path(&folder("llama"))).unwrap();
    let matrices = Matrices::of(&checkpoint).unwrap();
    let (mut engine, control) = (Engine::Cpu(CpuEngine::new()), Control::default());
    let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ())).unwrap();
    let read =
        |letter: &str| block_on(matrices.read(&format!("blocks.1.attn.W_{letter}"))).unwrap();
    let attention = Attention { q: read("Q"), k: read("K"), v: read("V"), o: read("O") };
    let expected = &golden["llama"];
    for head in 0..model.spec().n_heads {
        let [qk, ov] = ["qk", "ov"].map(|kind| numbers(&expected[kind][head]));
        compare(&attention.qk(model.spec(), head).unwrap(), &qk, &format!("QK of head {head}"));
        compare(&attention.ov(model.spec(), head).unwrap(), &ov, &format!("OV of head {head}"));
    }
    // Rows 3..6 and columns 2..9 of the last head.
    let head = model.spec().n_heads - 1;
    let (rows, cols) = (3..6, 2..9);
    let qk = attention.qk_cells(model.spec(), head, rows.clone(), cols.clone());
    let ov = attention.ov_cells(model.spec(), head, rows, cols);
    for (ours, theirs) in [qk, ov].iter().zip(expected["cells_of_last"].as_array().unwrap()) {
        let theirs: Vec<f32> = theirs.as_array().unwrap().iter().flat_map(numbers).collect();
        assert_eq!(ours.len(), theirs.len());
        for (ours, reference) in ours.iter().zip(&theirs) {
            assert!(
                (ours - reference).abs() <= 1e-5 * reference.abs().max(0.1),
                "{ours} {reference}"
            );
        }
    }
    assert!(attention.qk_cells(model.spec(), head, 0..1, 0..9999).is_empty());
}

#[test]
fn what_is_no_matrix_is_refused() {
    let checkpoint = block_on(open_path(&folder("gpt2"))).unwrap();
    let matrices = Matrices::of(&checkpoint).unwrap();
    for name in ["blocks.0.attn.b_Q", "blocks.9.attn.W_Q", ""] {
        assert!(block_on(matrices.read(name)).is_err(), "{name}");
    }
    let matrix = block_on(matrices.read("blocks.0.attn.W_Q")).unwrap();
    assert_eq!(
        matrix.cells(1..3, 4..6),
        [matrix.rows(1..2), matrix.rows(2..3)].map(|row| row[4..6].to_vec()).concat()
    );
    assert!(matrix.cells(0..1, 30..40).is_empty() && matrix.cells(30..40, 0..1).is_empty());
    let list = matrices.list();
    assert!(list.contains(&("blocks.0.attn.W_Q", [36, 36])), "{list:?}");
}

/// Tables that follow from the configuration, and T5's biases spread over the distances, are
/// matrices too.
#[test]
fn tables_of_positions_are_matrices() {
    let checkpoint = block_on(open_path(&folder("marian"))).unwrap();
    let matrices = Matrices::of(&checkpoint).unwrap();
    let table = block_on(matrices.read("pos_embed.W_pos")).unwrap();
    let half = table.n_cols / 2;
    // MarianMT has all sines before all cosines; the first pair turns a radian a token.
    let row = table.rows(3..4);
    assert!((row[0] - 3f32.sin()).abs() <= 1e-6 && (row[half] - 3f32.cos()).abs() <= 1e-6);
    let checkpoint = block_on(open_path(&folder("t5"))).unwrap();
    let matrices = Matrices::of(&checkpoint).unwrap();
    let biases = block_on(matrices.read("encoder.rel_pos.W_bias")).unwrap();
    let (mut engine, control) = (Engine::Cpu(CpuEngine::new()), Control::default());
    let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ())).unwrap();
    assert_eq!(biases.rows(0..biases.n_rows), model.distance_biases(Stack::Encoder));
    let spec = model.spec().encoder.as_deref().unwrap();
    let buckets = spec.buckets();
    assert_eq!(buckets.len(), biases.n_cols);
    let row = biases.rows(0..1);
    for (a, b) in (1..buckets.len()).map(|at| (at - 1, at)) {
        assert!(buckets[a] != buckets[b] || row[a] == row[b], "one bucket, one bias");
    }
}

#[test]
fn parts_hold_every_weight_once() {
    for name in ["gpt2", "llama", "bert", "esm2"] {
        let checkpoint = block_on(open_path(&folder(name))).unwrap();
        let (mut engine, control) = (Engine::Cpu(CpuEngine::new()), Control::default());
        let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ())).unwrap();
        let of_parts: u64 = model.parts().map(|(_, n)| n).sum();
        assert_eq!(of_parts, model.n_params(), "{name}");
        assert!(model.parts().count() >= 4, "{name}");
    }
}
