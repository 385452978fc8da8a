//! LayerNorm and RMSNorm: mean and scale of every token's row before each norm, what they are
//! after it, and which dimensions stand out. (Ba et al. 2016; Zhang and Sennrich 2019; outliers:
//! Dettmers et al. 2022, "LLM.int8()", which calls a dimension an outlier from magnitude 6 on.)

use crate::lens::attention::MatrixView;
use crate::lens::descending;
use crate::lens::trace::Trace;
use crate::palette::Scale;
use crate::protocol::{ModelCard, NormWeights};

/// What is shown of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// μ.
    Mean,
    /// σ, or the root mean square where there is no mean.
    Scale,
}

/// Names of the norms that a run passes, in order: `embed.ln`, `blocks.0.ln1`, … `ln_final`.
pub fn sites(card: &ModelCard) -> Vec<String> {
    card.hooks.iter().filter_map(|hook| hook.strip_suffix(".hook_scale")).map(Into::into).collect()
}

/// Short column labels: `3.1` is the first norm of layer 3.
pub fn site_label(site: &str) -> String {
    match site.strip_prefix("blocks.") {
        Some(rest) => rest.replace(".ln", "."),
        None if site.starts_with("embed") => "in".into(),
        None => "out".into(),
    }
}

/// Mean or scale of the rows that enter each norm: tokens down, norms across.
pub fn before(
    trace: &Trace,
    sites: &[String],
    statistic: Statistic,
    labels: &[String],
) -> Option<MatrixView> {
    let hook = match statistic {
        Statistic::Mean => "hook_mean",
        Statistic::Scale => "hook_scale",
    };
    let columns: Option<Vec<Vec<f32>>> = sites
        .iter()
        .map(|site| trace.get(&format!("{site}.{hook}")).map(|tensor| tensor.values.to_vec()))
        .collect();
    matrix(columns?, sites, statistic, labels)
}

/// Mean or scale of the normalised rows, before γ and β: 0 and 1 but for ε and rounding.
/// Norms whose rows did not come leave masked columns; `None` if none came.
pub fn after(
    trace: &Trace,
    card: &ModelCard,
    sites: &[String],
    statistic: Statistic,
    labels: &[String],
) -> Option<MatrixView> {
    let columns: Vec<Vec<f32>> = sites
        .iter()
        .map(|site| match plain_rows(trace, card, site) {
            Some(rows) => rows.iter().map(|row| measure(row, statistic, card.rms_norm)).collect(),
            None => Vec::new(),
        })
        .collect();
    matrix(columns, sites, statistic, labels)
}

/// γ and β of a norm.
pub fn weights<'a>(card: &'a ModelCard, site: &str) -> Option<&'a NormWeights> {
    card.norm_weights.iter().find(|weights| weights.name == site)
}

/// A dimension that stands out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Which.
    pub dimension: usize,
    /// Its largest magnitude after the norm and before γ, in units of σ (or rms).
    pub magnitude: f32,
    /// At which token.
    pub token: usize,
}

/// Dimensions that reach six times the scale at any token, largest first.
pub fn outliers(trace: &Trace, card: &ModelCard, site: &str) -> Option<Vec<Outlier>> {
    let rows = plain_rows(trace, card, site)?;
    let width = rows.first().map_or(0, Vec::len);
    let found: Vec<Outlier> = (0..width)
        .filter_map(|dimension| {
            let largest = rows
                .iter()
                .enumerate()
                .map(|(token, row)| (row[dimension].abs(), token))
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            (largest.0 >= 6.0).then_some(Outlier {
                dimension,
                magnitude: largest.0,
                token: largest.1,
            })
        })
        .collect();
    let sizes: Vec<f32> = found.iter().map(|outlier| outlier.magnitude).collect();
    Some(descending(&sizes).into_iter().map(|idx| found[idx as usize].clone()).collect())
}

/// How far the normalised rows are from mean 0 and variance 1 (or mean square 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormCheck {
    /// Largest |mean|; none for RMSNorm, which leaves the mean alone.
    pub mean_error: Option<f32>,
    /// Largest |variance − 1|, or |mean square − 1|.
    pub variance_error: f32,
}

/// Checks a norm's rows.
pub fn check(trace: &Trace, card: &ModelCard, site: &str) -> Option<NormCheck> {
    let rows = plain_rows(trace, card, site)?;
    let worst = |statistic, wanted: f32, square: bool| {
        rows.iter().fold(0.0_f32, |worst, row| {
            let value = measure(row, statistic, card.rms_norm);
            let value = if square { value * value } else { value };
            let error = (value - wanted).abs();
            // A NaN stays: f32::max would drop it.
            if worst.is_nan() || error.is_nan() { f32::NAN } else { worst.max(error) }
        })
    };
    (!rows.is_empty()).then(|| NormCheck {
        mean_error: (!card.rms_norm).then(|| worst(Statistic::Mean, 0.0, false)),
        variance_error: worst(Statistic::Scale, 1.0, true),
    })
}

/// Normalised rows without γ and β. LayerNorm's hook holds the norm's output, so they are taken
/// off again (dimensions with γ near 0 are left out); RMSNorm's hook stands before the gain.
fn plain_rows(trace: &Trace, card: &ModelCard, site: &str) -> Option<Vec<Vec<f32>>> {
    let tensor = trace.get(&format!("{site}.hook_normalized"))?;
    let (n_rows, _) = tensor.rows();
    let rows = (0..n_rows).map(|row| tensor.row(row));
    if card.rms_norm {
        return Some(rows.map(<[f32]>::to_vec).collect());
    }
    let NormWeights { gain, bias, .. } = weights(card, site)?;
    Some(
        rows.map(|row| {
            let undo = |(idx, &value): (usize, &f32)| {
                let gain = gain.get(idx).copied().unwrap_or(1.0);
                let bias = bias.get(idx).copied().unwrap_or(0.0);
                if gain.abs() < 1e-6 { 0.0 } else { (value - bias) / gain }
            };
            row.iter().enumerate().map(undo).collect()
        })
        .collect(),
    )
}

fn measure(row: &[f32], statistic: Statistic, is_rms: bool) -> f32 {
    let n = row.len().max(1) as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let center = if is_rms { 0.0 } else { mean };
    match statistic {
        Statistic::Mean => mean as f32,
        Statistic::Scale => {
            let square = row.iter().map(|&x| (f64::from(x) - center).powi(2)).sum::<f64>() / n;
            square.sqrt() as f32
        }
    }
}

/// Columns of equal length side by side; an empty column is masked.
fn matrix(
    columns: Vec<Vec<f32>>,
    sites: &[String],
    statistic: Statistic,
    labels: &[String],
) -> Option<MatrixView> {
    let n_rows = columns.iter().map(Vec::len).max().filter(|&n| n > 0)?;
    let n_cols = columns.len();
    let mut values = vec![0.0; n_rows * n_cols];
    let mut masked = vec![false; n_rows * n_cols];
    for (col, column) in columns.iter().enumerate() {
        for row in 0..n_rows {
            match column.get(row) {
                Some(&value) => values[row * n_cols + col] = value,
                None => masked[row * n_cols + col] = true,
            }
        }
    }
    let mut view = MatrixView {
        n_rows,
        n_cols,
        values,
        masked,
        row_labels: labels.iter().take(n_rows).cloned().collect(),
        col_labels: sites.iter().map(|site| site_label(site)).collect(),
        scale: Scale::UNIT,
        quantity: if statistic == Statistic::Mean { "mean" } else { "scale" }.into(),
        ..MatrixView::default()
    };
    view.scale = match statistic {
        Statistic::Mean => Scale::diverging(&view.shown()),
        Statistic::Scale => Scale::magnitudes(&view.shown()),
    };
    Some(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(rms_norm: bool) -> ModelCard {
        ModelCard {
            rms_norm,
            hooks: vec!["blocks.0.ln1.hook_scale".into(), "ln_final.hook_scale".into()],
            norm_weights: vec![NormWeights {
                name: "blocks.0.ln1".into(),
                gain: vec![2.0, 0.5],
                bias: vec![1.0, 0.0],
            }],
            ..ModelCard::default()
        }
    }

    fn trace(normalized: &[f32]) -> Trace {
        let mut trace = Trace::default();
        let n = normalized.len() / 2;
        trace.insert("blocks.0.ln1.hook_normalized".into(), vec![n, 2], normalized.to_vec());
        trace.insert("blocks.0.ln1.hook_scale".into(), vec![2, 1], vec![3.0, 4.0]);
        trace.insert("ln_final.hook_scale".into(), vec![2, 1], vec![5.0, 6.0]);
        trace
    }

    #[test]
    fn sites_come_from_the_hooks_and_fill_columns() {
        let sites = sites(&card(true));
        assert_eq!(sites, ["blocks.0.ln1", "ln_final"]);
        let view = before(&trace(&[0.0; 2]), &sites, Statistic::Scale, &[]).unwrap();
        assert_eq!((view.n_rows, view.n_cols), (2, 2));
        assert_eq!(view.values, [3., 5., 4., 6.]);
        assert_eq!(view.col_labels, ["0.1", "out"]);
        assert_eq!(before(&trace(&[0.0; 2]), &sites, Statistic::Mean, &[]), None);
    }

    #[test]
    fn gain_and_bias_are_taken_off_before_the_check() {
        // (±1) · γ + β.
        let check = check(&trace(&[3.0, -0.5]), &card(false), "blocks.0.ln1").unwrap();
        assert_eq!(check, NormCheck { mean_error: Some(0.0), variance_error: 0.0 });
    }

    #[test]
    fn rms_rows_have_mean_square_one_and_no_claim_on_the_mean() {
        let root = 2.0_f32.sqrt();
        let good = check(&trace(&[root, 0.0]), &card(true), "blocks.0.ln1").unwrap();
        assert_eq!(good.mean_error, None);
        assert!(good.variance_error <= 1e-6);
        let bad = check(&trace(&[2.0, 0.0]), &card(true), "blocks.0.ln1").unwrap();
        assert!((bad.variance_error - 1.0).abs() <= 1e-6);
        let nan = check(&trace(&[f32::NAN, 0.0, 1.0, 1.0]), &card(true), "blocks.0.ln1").unwrap();
        assert!(nan.variance_error.is_nan());
    }

    #[test]
    fn missing_norms_are_masked_after() {
        let sites = sites(&card(true));
        let after = after(&trace(&[1.0, 1.0]), &card(true), &sites, Statistic::Scale, &[]).unwrap();
        assert_eq!(after.value(0, 0), Some(1.0));
        assert_eq!(after.value(0, 1), None);
    }

    #[test]
    fn outliers_reach_six() {
        let found = outliers(&trace(&[0.1, -7.0, 0.1, 6.5]), &card(true), "blocks.0.ln1").unwrap();
        assert_eq!(found, [Outlier { dimension: 1, magnitude: 7.0, token: 0 }]);
    }
}
