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
}

#[test]
fn what_is_no_matrix_is_refused() {
    let checkpoint = block_on(open_path(&folder("gpt2"))).unwrap();
    let matrices = Matrices::of(&checkpoint).unwrap();
    for name in ["blocks.0.attn.b_Q", "blocks.9.attn.W_Q", ""] {
        assert!(block_on(matrices.read(name)).is_err(), "{name}");
    }
    let list = matrices.list();
    assert!(list.contains(&("blocks.0.attn.W_Q", [36, 36])), "{list:?}");
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
