//! The weights as matrices: which there are, a part of one, and what its singular values say.

use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};
use crate::protocol::{ModelCard, WeightsPart};

/// A matrix that can be chosen. The same choice names the matrix of another layer when the page's
/// layer changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is kept in the URL: `attn.W_Q`, `encoder.attn.QK`, `embed.W_E`.
    pub key: String,
    /// The matrix's full name.
    pub name: String,
    /// For people.
    pub label: String,
    /// Rows and columns.
    pub shape: (u32, u32),
    /// Whether each layer has one.
    pub is_per_layer: bool,
}

/// All matrices of a layer, then those of the model; behind each attention its head's circuits.
pub fn choices(card: &ModelCard, layer: usize, head: usize) -> Vec<Choice> {
    let (mut of_layer, mut of_model) = (Vec::new(), Vec::new());
    for fact in &card.matrices {
        let Some((stack, at, rest)) = split(&fact.name) else {
            of_model.push(Choice {
                key: fact.name.clone(),
                name: fact.name.clone(),
                label: fact.name.clone(),
                shape: fact.shape,
                is_per_layer: false,
            });
            continue;
        };
        if at != layer {
            continue;
        }
        let key = if stack == "blocks" { rest.to_owned() } else { format!("{stack}.{rest}") };
        of_layer.push(Choice {
            label: key.clone(),
            key: key.clone(),
            name: fact.name.clone(),
            shape: fact.shape,
            is_per_layer: true,
        });
        // The output matrix comes last of the four.
        if let Some((attention, full)) =
            key.strip_suffix(".W_O").zip(fact.name.strip_suffix(".W_O"))
        {
            let head = head.min(card.n_heads.saturating_sub(1) as usize);
            for (kind, formula) in [("QK", "W_Qᵀ·W_K"), ("OV", "W_O·W_V")] {
                of_layer.push(Choice {
                    key: format!("{attention}.{kind}"),
                    name: format!("{full}.{kind}[{head}]"),
                    label: format!("{attention}: {formula} of head {head}"),
                    shape: (card.d_model, card.d_model),
                    is_per_layer: true,
                });
            }
        }
    }
    of_layer.extend(of_model);
    of_layer
}

/// The chosen one, or the first.
pub fn chosen<'a>(choices: &'a [Choice], key: &str) -> Option<&'a Choice> {
    choices.iter().find(|choice| choice.key == key).or(choices.first())
}

/// The stack, the layer and the rest of a layer's name.
fn split(name: &str) -> Option<(&str, usize, &str)> {
    let (stack, rest) = name.split_once('.')?;
    let (layer, rest) = rest.split_once('.')?;
    Some((stack, layer.parse().ok()?, rest))
}

/// The cells that came.
pub fn matrix(part: &WeightsPart, values: &[f32], is_circuit: bool) -> Option<MatrixView> {
    let (n_rows, n_cols) = (part.size.0 as usize, part.size.1 as usize);
    if values.is_empty() || values.len() != n_rows * n_cols {
        return None;
    }
    let labels =
        |first: u32, n: usize| (0..n).map(|at| (first as usize + at).to_string()).collect();
    Some(MatrixView {
        n_rows,
        n_cols,
        values: values.to_vec(),
        row_labels: labels(part.first.0, n_rows),
        col_labels: labels(part.first.1, n_cols),
        scale: Scale::diverging(values),
        quantity: if is_circuit { "entry of the product" } else { "weight" }.into(),
        ..MatrixView::default()
    })
}

/// What singular values say of a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// σ₁.
    pub largest: f32,
    /// The last.
    pub smallest: f32,
    /// ‖W‖² (Frobenius) divided by σ₁²: how many directions it stretches, weighed.
    pub stable_rank: f32,
    /// How many of the first hold nine tenths of ‖W‖².
    pub n_for_most: usize,
}

/// Reads singular values, largest first; `None` if there are none or all are 0.
pub fn summary(values: &[f32]) -> Option<Summary> {
    let squares = || values.iter().map(|&value| f64::from(value) * f64::from(value));
    let all: f64 = squares().sum();
    let (largest, smallest) = (*values.first()?, *values.last()?);
    if largest <= 0.0 || !all.is_finite() {
        return None;
    }
    let mut sum = 0.0;
    let n_before = squares().take_while(|square| {
        sum += square;
        sum < 0.9 * all
    });
    let n_for_most = n_before.count() + 1;
    let stable_rank = (all / (f64::from(largest) * f64::from(largest))) as f32;
    Some(Summary { largest, smallest, stable_rank, n_for_most })
}

/// Singular values on an axis of powers of ten.
pub fn chart(values: &[f32], name: &str) -> Option<ChartSpec> {
    (values.len() > 1 && values[0] > 0.0).then(|| ChartSpec {
        title: format!("Singular values of {name}, largest first"),
        x_name: "rank".into(),
        y_name: "singular value".into(),
        lines: vec![Line {
            name: "σ".into(),
            color: 0,
            points: values.iter().enumerate().map(|(at, &v)| (at as f32 + 1.0, v)).collect(),
        }],
        is_x_whole: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::MatrixFact;

    fn card() -> ModelCard {
        let names = [
            "embed.W_E",
            "blocks.0.attn.W_Q",
            "blocks.0.attn.W_O",
            "blocks.1.attn.W_Q",
            "blocks.1.attn.W_O",
            "encoder.1.mlp.W_in",
        ];
        let fact = |name: &&str| MatrixFact { name: (*name).into(), shape: (4, 8) };
        let matrices = names.iter().map(fact).collect();
        ModelCard { matrices, n_heads: 2, d_model: 8, ..ModelCard::default() }
    }

    #[test]
    fn a_choice_follows_the_layer_and_the_head() {
        let names = |layer, head| -> Vec<(String, String)> {
            choices(&card(), layer, head).into_iter().map(|c| (c.key, c.name)).collect()
        };
        let pair = |key: &str, name: &str| (key.to_owned(), name.to_owned());
        assert_eq!(
            names(1, 7),
            [
                pair("attn.W_Q", "blocks.1.attn.W_Q"),
                pair("attn.W_O", "blocks.1.attn.W_O"),
                pair("attn.QK", "blocks.1.attn.QK[1]"),
                pair("attn.OV", "blocks.1.attn.OV[1]"),
                pair("encoder.mlp.W_in", "encoder.1.mlp.W_in"),
                pair("embed.W_E", "embed.W_E"),
            ]
        );
        let all = choices(&card(), 0, 0);
        assert_eq!(chosen(&all, "attn.QK").unwrap().shape, (8, 8));
        assert_eq!(chosen(&all, "<script>").unwrap().key, "attn.W_Q", "the first");
        assert_eq!(chosen(&[], "attn.QK"), None);
    }

    #[test]
    fn cells_have_the_numbers_of_their_rows() {
        let part = WeightsPart { first: (3, 5), size: (1, 2), ..WeightsPart::default() };
        let view = matrix(&part, &[0.5, -1.0], false).unwrap();
        assert_eq!(
            (view.row_labels, view.col_labels),
            (vec!["3".into()], vec!["5".into(), "6".into()])
        );
        assert_eq!((view.scale.min, view.scale.max), (-1.0, 1.0));
        assert_eq!(matrix(&part, &[1.0], false), None);
        assert_eq!(matrix(&WeightsPart::default(), &[], false), None);
    }

    #[test]
    fn singular_values_are_summed_up() {
        let found = summary(&[3.0, 1.0, 0.0]).unwrap();
        assert_eq!((found.largest, found.smallest, found.n_for_most), (3.0, 0.0, 1));
        assert!((found.stable_rank - 10.0 / 9.0).abs() <= 1e-6);
        assert_eq!(summary(&[1.0; 10]).unwrap().n_for_most, 9);
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[0.0, 0.0]), None);
        assert!(chart(&[1.0], "a").is_none() && chart(&[2.0, 1.0], "a").is_some());
    }
}
