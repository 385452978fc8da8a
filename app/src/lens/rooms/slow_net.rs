//! Room 04, the machine of 1991: both nets after some step of training.

use vitrine_models::claims::fast_weights::slow_net::{D_IN, N_SYMBOLS, SlowLook};

use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};

/// Which matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The slow net's weights that make FROM.
    SlowFrom,
    /// Those that make TO.
    SlowTo,
    /// FROM of each token.
    From,
    /// TO of each token.
    To,
    /// The fast net's weights after all tokens.
    Fast,
    /// What the fast net answers.
    Answers,
}

/// The matrix after one step; the scale is that of all steps, so that weights are seen to grow.
pub fn of_look(looks: &[SlowLook], at: usize, shown: Shown) -> Option<MatrixView> {
    let look = looks.get(at)?;
    let pick = |look: &SlowLook| match shown {
        Shown::SlowFrom => look.slow_from.clone(),
        Shown::SlowTo => look.slow_to.clone(),
        Shown::From => look.from.clone(),
        Shown::To => look.to.clone(),
        Shown::Fast => look.fast.clone(),
        Shown::Answers => look.answers.clone(),
    };
    let values = pick(look);
    let all: Vec<f32> = looks.iter().flat_map(pick).collect();
    let d_from = look.slow_from.len() / D_IN;
    let numbers =
        |word: &str, n: usize| (1..=n).map(|at| format!("{word}{at}")).collect::<Vec<_>>();
    let symbols = || [numbers("k", N_SYMBOLS), numbers("v", N_SYMBOLS)].concat();
    let tokens = || -> Vec<String> {
        let name = |&(key, value): &(u32, Option<u32>)| match value {
            Some(value) => format!("k{} v{}", key + 1, value + 1),
            None => format!("k{} ?", key + 1),
        };
        look.tokens.iter().map(name).collect()
    };
    let (row_labels, col_labels, quantity) = match shown {
        Shown::SlowFrom => (numbers("", d_from), symbols(), "slow weight"),
        Shown::SlowTo => (numbers("v", N_SYMBOLS), symbols(), "slow weight"),
        Shown::From => (tokens(), numbers("", d_from), "FROM"),
        Shown::To => (tokens(), numbers("v", N_SYMBOLS), "TO"),
        Shown::Fast => (numbers("v", N_SYMBOLS), numbers("", d_from), "fast weight"),
        Shown::Answers => (tokens(), numbers("v", N_SYMBOLS), "answer"),
    };
    let (n_rows, n_cols) = (row_labels.len(), col_labels.len());
    // What comes before the first question was not asked for.
    let is_asked = |row: usize| look.tokens.get(row).is_some_and(|(_, value)| value.is_none());
    let masked = match shown {
        Shown::Answers => (0..n_rows * n_cols).map(|cell| !is_asked(cell / n_cols)).collect(),
        _ => Vec::new(),
    };
    (values.len() == n_rows * n_cols).then(|| MatrixView {
        n_rows,
        n_cols,
        values,
        reasons: if masked.is_empty() { Vec::new() } else { vec![(false, "not asked for".into())] },
        masked,
        row_labels,
        col_labels,
        scale: Scale::diverging(&all),
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

/// Error and share of right answers over the steps.
pub fn chart(looks: &[SlowLook], at: usize) -> Option<ChartSpec> {
    let points = |of: fn(&SlowLook) -> f32, from: usize| {
        looks.iter().skip(from).map(|look| (look.step as f32, of(look))).collect::<Vec<_>>()
    };
    // Before the first step there is no error of one.
    let error = points(|look| look.loss, 1);
    (!looks.is_empty()).then(|| ChartSpec {
        title: "The slow net in training".into(),
        x_name: "steps".into(),
        y_name: "share, or mean squared error".into(),
        lines: vec![
            Line {
                name: "• answers right".into(), color: 0, points: points(|look| look.right, 0)
            },
            Line { name: "• error".into(), color: 1, points: error },
        ],
        is_x_whole: true,
        marker: looks.get(at).map(|look| look.step as f32),
        ..ChartSpec::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(step: u32) -> SlowLook {
        SlowLook {
            step,
            loss: 0.5,
            right: 0.25,
            slow_from: vec![1.0; 2 * D_IN],
            slow_to: vec![-2.0; N_SYMBOLS * D_IN],
            from: vec![0.5; 4],
            to: vec![0.0; 2 * N_SYMBOLS],
            fast: vec![0.0; 2 * N_SYMBOLS],
            answers: vec![1.0; 2 * N_SYMBOLS],
            tokens: vec![(0, Some(4)), (0, None)],
        }
    }

    #[test]
    fn matrices_have_the_names_of_symbols_and_tokens() {
        let looks = [look(0), look(20)];
        let slow = of_look(&looks, 1, Shown::SlowFrom).unwrap();
        assert_eq!((slow.n_rows, slow.n_cols, slow.col_labels[8].as_str()), (2, D_IN, "v1"));
        let answers = of_look(&looks, 0, Shown::Answers).unwrap();
        assert_eq!(answers.row_labels, ["k1 v5", "k1 ?"]);
        assert_eq!((answers.value(0, 0), answers.value(1, 0)), (None, Some(1.0)));
        assert_eq!(of_look(&looks, 2, Shown::To), None);
    }

    #[test]
    fn the_chart_marks_the_step_that_is_shown() {
        let spec = chart(&[look(0), look(20)], 1).unwrap();
        assert_eq!((spec.lines[0].points.len(), spec.lines[1].points.len()), (2, 1));
        assert_eq!(spec.marker, Some(20.0));
        assert_eq!(chart(&[], 0), None);
    }
}
