//! How far predictions move when something of a model is changed.

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::protocol::Changed;

/// One row: the divergence after each token. None where there are no numbers, or of another text.
pub fn by_token(changed: &Changed, names: &[String]) -> Option<MatrixView> {
    let values = changed.divergences.clone();
    if values.is_empty() || values.len() != names.len() {
        return None;
    }
    Some(MatrixView {
        n_rows: 1,
        n_cols: values.len(),
        scale: Scale::sequential(&values),
        values,
        row_labels: vec!["KL".to_owned()],
        col_labels: names.to_vec(),
        quantity: "nats".to_owned(),
        ..MatrixView::default()
    })
}

/// The mean and the largest of them, in a sentence.
pub fn summary(changed: &Changed) -> String {
    let all = &changed.divergences;
    let mean = all.iter().sum::<f32>() / all.len().max(1) as f32;
    let most = all.iter().copied().fold(0.0, f32::max);
    format!("KL {} nats in the mean, {} at most.", format::three(mean), format::three(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_stands_under_its_token() {
        let changed = Changed { divergences: vec![0.0, 0.5], ..Changed::default() };
        let names = ["a".to_owned(), "b".to_owned()];
        let view = by_token(&changed, &names).unwrap();
        assert_eq!((view.value(0, 1), view.col_labels.len()), (Some(0.5), 2));
        assert_eq!(by_token(&changed, &names[..1]), None, "of another text");
        assert_eq!(summary(&changed), "KL 0.250 nats in the mean, 0.500 at most.");
    }
}
