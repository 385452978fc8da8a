//! Matrices of the weights, and heads' circuits, as the panel shows them: cells at once, singular
//! values bit by bit while nothing else is to be done.

use js_sys::Float32Array;
use vitrine_kernels::spectrum::{Eigen, Gram, roots};
use vitrine_models::ModelError;
use vitrine_models::arch::{Matrices, Matrix, ModelSpec};
use vitrine_models::circuits::Attention;
use vitrine_models::weights::Checkpoint;

use super::load::Loaded;
use super::post::{fault, post, post_buffer};
use super::studio::Studio;
use crate::protocol::{FaultPlace, FromWorker, WeightsAsk, WeightsPart};

/// Cells that are sent at once.
const MAX_CELLS: usize = 1 << 16;
/// Smaller sides of matrices whose singular values are computed here: the work grows with the cube.
const MAX_SIDE: usize = 2048;
/// Multiplications between two looks at what else is to be done: some 20 ms.
const SLICE: usize = 1 << 24;

/// A matrix that is looked at.
pub(super) struct Weights {
    name: String,
    held: Held,
    spectrum: Spectrum,
}

/// What is looked at.
enum Held {
    Matrix(Matrix),
    Circuit { attention: Box<Attention>, spec: Box<ModelSpec>, head: usize, is_ov: bool },
}

/// Where the singular values stand.
enum Spectrum {
    /// Nobody asked.
    Open,
    /// `turned` has rows of `gram`'s width.
    Summing {
        gram: Gram,
        n: usize,
        rows: Rows,
        n_done: usize,
    },
    Reducing {
        eigen: Eigen,
        n: usize,
    },
    Done(Vec<f32>),
    Never(String),
}

/// The rows whose outer products are summed: those of the matrix, or of its transpose.
enum Rows {
    Own,
    Turned(Vec<f32>),
}

impl Weights {
    /// Whether singular values are being computed.
    pub fn is_working(&self) -> bool {
        matches!(self.spectrum, Spectrum::Summing { .. } | Spectrum::Reducing { .. })
    }

    /// One slice of the work.
    fn go_on(&mut self) {
        let spectrum = std::mem::replace(&mut self.spectrum, Spectrum::Open);
        self.spectrum = match (spectrum, &self.held) {
            (Spectrum::Summing { mut gram, n, rows, n_done }, Held::Matrix(matrix)) => {
                let n_all = matrix.n_rows.max(matrix.n_cols);
                let n_more = (SLICE / (n * n)).max(4).next_multiple_of(4).min(n_all - n_done);
                match &rows {
                    Rows::Own => gram.add_rows(&matrix.rows(n_done..n_done + n_more)),
                    Rows::Turned(all) => gram.add_rows(&all[n_done * n..(n_done + n_more) * n]),
                }
                if n_done + n_more < n_all {
                    Spectrum::Summing { gram, n, rows, n_done: n_done + n_more }
                } else {
                    reduced(gram.full(), n)
                }
            }
            (Spectrum::Reducing { mut eigen, n }, _) => {
                // A step costs twice the square of what is left, at most n².
                for _ in 0..(SLICE / (2 * n * n)).max(1) {
                    eigen.step();
                }
                if eigen.n_left() > 0 {
                    Spectrum::Reducing { eigen, n }
                } else {
                    done(eigen.finish().map(|values| roots(&values)))
                }
            }
            (other, _) => other,
        };
    }

    /// How much of the work is done: sums and reduction by their multiplications.
    fn share_done(&self) -> f32 {
        let Held::Matrix(matrix) = &self.held else { return 1.0 };
        let (n, n_all) = (matrix.n_rows.min(matrix.n_cols), matrix.n_rows.max(matrix.n_cols));
        let (sums, steps) = (n_all as f32 / 2.0, n as f32 * 2.0 / 3.0);
        let done = match &self.spectrum {
            Spectrum::Open => 0.0,
            Spectrum::Summing { n_done, .. } => *n_done as f32 / 2.0,
            Spectrum::Reducing { eigen, .. } => {
                sums + steps * (1.0 - (eigen.n_left() as f32 / n as f32).powi(3))
            }
            Spectrum::Done(_) | Spectrum::Never(_) => return 1.0,
        };
        done / (sums + steps)
    }

    /// Begins with the singular values.
    fn begin(&mut self) {
        self.spectrum = match &self.held {
            Held::Circuit { attention, spec, head, is_ov: false } => {
                done(attention.qk(spec, *head))
            }
            Held::Circuit { attention, spec, head, is_ov: true } => done(attention.ov(spec, *head)),
            Held::Matrix(matrix) => {
                let (n_rows, n_cols) = (matrix.n_rows, matrix.n_cols);
                let n = n_rows.min(n_cols);
                if n > MAX_SIDE {
                    let why = format!(
                        "{n_rows} × {n_cols} is too large for singular values here: its smaller \
                         side is above {MAX_SIDE}"
                    );
                    Spectrum::Never(why)
                } else if n == 0 {
                    Spectrum::Done(Vec::new())
                } else {
                    let rows = if n_rows >= n_cols { Rows::Own } else { turned(matrix) };
                    Spectrum::Summing { gram: Gram::new(n), n, rows, n_done: 0 }
                }
            }
        };
    }

    fn tell_spectrum(&self) {
        let (values, why_not) = match &self.spectrum {
            Spectrum::Done(values) => (values.clone(), None),
            Spectrum::Never(why) => (Vec::new(), Some(why.clone())),
            _ => (Vec::new(), None),
        };
        let name = self.name.clone();
        post(&FromWorker::Spectrum { name, done: self.share_done(), values, why_not });
    }

    fn shape(&self) -> (usize, usize) {
        match &self.held {
            Held::Matrix(matrix) => (matrix.n_rows, matrix.n_cols),
            Held::Circuit { spec, .. } => (spec.d_model, spec.d_model),
        }
    }

    /// Sends the cells that were asked for, or those nearest to them that are there.
    fn tell_cells(&self, ask: &WeightsAsk) {
        let (n_rows, n_cols) = self.shape();
        let within = |first: u32, size: u32, n: usize, most: usize| {
            let size = (size as usize).clamp(1, most).min(n);
            let first = (first as usize).min(n - size);
            first..first + size
        };
        let cols = within(ask.first.1, ask.size.1, n_cols, MAX_CELLS);
        let rows = within(ask.first.0, ask.size.0, n_rows, MAX_CELLS / cols.len().max(1));
        let part = WeightsPart {
            name: self.name.clone(),
            shape: (n_rows as u32, n_cols as u32),
            first: (rows.start as u32, cols.start as u32),
            size: (rows.len() as u32, cols.len() as u32),
            stored_as: match &self.held {
                Held::Matrix(matrix) => matrix.stored_as().to_owned(),
                Held::Circuit { .. } => String::new(),
            },
        };
        let cells = match &self.held {
            Held::Matrix(matrix) => matrix.cells(rows, cols),
            Held::Circuit { attention, spec, head, is_ov: false } => {
                attention.qk_cells(spec, *head, rows, cols)
            }
            Held::Circuit { attention, spec, head, is_ov: true } => {
                attention.ov_cells(spec, *head, rows, cols)
            }
        };
        post_buffer(&FromWorker::Weights(part), &Float32Array::from(cells.as_slice()).buffer());
    }
}

/// The rows of the transpose.
fn turned(matrix: &Matrix) -> Rows {
    let (n_rows, n_cols) = (matrix.n_rows, matrix.n_cols);
    let values = matrix.rows(0..n_rows);
    Rows::Turned((0..values.len()).map(|at| values[at % n_rows * n_cols + at / n_rows]).collect())
}

fn reduced(gram: Vec<f64>, n: usize) -> Spectrum {
    Spectrum::Reducing { eigen: Eigen::new(gram, n), n }
}

fn done(values: Option<Vec<f32>>) -> Spectrum {
    match values {
        Some(values) => Spectrum::Done(values),
        None => {
            Spectrum::Never("Some weights are not finite, so there are no singular values".into())
        }
    }
}

/// `blocks.3.attn.QK[5]`: the attention, whether it is the OV circuit, the head.
fn circuit(name: &str) -> Option<(&str, bool, usize)> {
    let (rest, head) = name.strip_suffix(']')?.split_once('[')?;
    let (attention, kind) = rest.rsplit_once('.')?;
    let is_ov = match kind {
        "QK" => false,
        "OV" => true,
        _ => return None,
    };
    Some((attention, is_ov, head.parse().ok()?))
}

async fn open(loaded: &Loaded, name: &str) -> Result<Held, ModelError> {
    let checkpoint = Checkpoint::open(loaded.gathered.files.clone()).await?;
    let matrices = Matrices::of(&checkpoint)?;
    let Some((attention, is_ov, head)) = circuit(name) else {
        return Ok(Held::Matrix(matrices.read(name).await?));
    };
    let own = loaded.session.spec();
    let spec = match &own.encoder {
        Some(encoder) if attention.starts_with("encoder.") => (**encoder).clone(),
        _ => own.clone(),
    };
    if head >= spec.n_heads {
        let problem = format!("there is no head {head}; the model has {}", spec.n_heads);
        return Err(ModelError::input("weights", problem));
    }
    let read = async |letter: &str| matrices.read(&format!("{attention}.W_{letter}")).await;
    let (q, k) = (read("Q").await?, read("K").await?);
    let attention = Box::new(Attention { q, k, v: read("V").await?, o: read("O").await? });
    Ok(Held::Circuit { attention, spec: Box::new(spec), head, is_ov })
}

impl Studio {
    /// Shows cells of a matrix, and begins with its singular values where they are asked for.
    pub async fn show_weights(&mut self, ask: &WeightsAsk) {
        let Some(loaded) = &self.loaded else {
            let advice = "Load a model: a recorded run has no weights.";
            fault(FaultPlace::Panel, "There are no weights to look at", advice);
            return;
        };
        if self.weights.as_ref().is_none_or(|weights| weights.name != ask.name) {
            self.weights = None;
            match open(loaded, &ask.name).await {
                Ok(held) => {
                    let name = ask.name.clone();
                    self.weights = Some(Weights { name, held, spectrum: Spectrum::Open });
                }
                Err(err) => return self.tell(&err),
            }
        }
        let Some(weights) = &mut self.weights else { return };
        weights.tell_cells(ask);
        if !ask.spectrum {
            weights.spectrum = Spectrum::Open;
            return;
        }
        if matches!(weights.spectrum, Spectrum::Open) {
            weights.begin();
        }
        weights.tell_spectrum();
    }

    /// A slice of the singular values, then a look at the messages.
    pub async fn go_on_with_weights(&mut self) {
        if let Some(weights) = &mut self.weights {
            weights.go_on();
            weights.tell_spectrum();
        }
        // Nothing cancels a control of its own.
        let _paused = self.desk.apart().pause().await;
    }
}

#[cfg(test)]
mod tests {
    use super::circuit;

    #[test]
    fn circuits_are_named_after_their_attention() {
        assert_eq!(circuit("blocks.3.attn.QK[5]"), Some(("blocks.3.attn", false, 5)));
        assert_eq!(
            circuit("decoder.0.cross_attn.OV[12]"),
            Some(("decoder.0.cross_attn", true, 12))
        );
        for other in ["blocks.3.attn.W_Q", "QK[1]", "a.QK[x]", "a.QK[-1]", "a.QQ[1]", ""] {
            assert_eq!(circuit(other), None, "{other}");
        }
    }
}
