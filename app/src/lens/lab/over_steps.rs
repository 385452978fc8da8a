//! One quantity of several places of a model, over the steps of a run: a map, lines, a table.

use crate::format;
use crate::lens::attention::MatrixView;
use crate::lens::lab::series::N_COLORS;
use crate::lens::table::Table;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, HELD_OUT, Line};

/// The values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverSteps {
    /// What is measured: `gradient norm`.
    pub quantity: &'static str,
    /// The places, in the order of the model.
    pub names: Vec<String>,
    /// The steps.
    pub steps: Vec<u32>,
    /// `[n_names, n_steps]`.
    pub values: Vec<f32>,
}

/// Most columns of a map: more are narrower than can be seen, or do not fit.
const MAX_COLUMNS: usize = 64;

impl OverSteps {
    /// Places down, steps across, evenly chosen where they are many.
    pub fn map(mut self) -> Option<MatrixView> {
        if self.values.is_empty() {
            return None;
        }
        let n_steps = self.steps.len();
        let apart = n_steps.div_ceil(MAX_COLUMNS);
        // The last one is always shown.
        let is_shown = |at: usize| (n_steps - 1 - at % n_steps).is_multiple_of(apart);
        let numbered = self.values.into_iter().enumerate();
        self.values = numbered.filter(|(at, _)| is_shown(*at)).map(|(_, value)| value).collect();
        let numbered = self.steps.into_iter().enumerate();
        self.steps = numbered.filter(|(at, _)| is_shown(*at)).map(|(_, step)| step).collect();
        Some(MatrixView {
            n_rows: self.names.len(),
            n_cols: self.steps.len(),
            // Only of signed quantities some are below zero.
            scale: match self.values.iter().any(|&value| value < 0.0) {
                true => Scale::diverging(&self.values),
                false => Scale::magnitudes(&self.values),
            },
            values: self.values,
            row_labels: self.names,
            col_labels: self.steps.iter().map(u32::to_string).collect(),
            quantity: self.quantity.into(),
            ..MatrixView::default()
        })
    }

    /// A line a place. Those beyond the colours are drawn broad.
    pub fn chart(self, title: String) -> Option<ChartSpec> {
        if self.values.is_empty() {
            return None;
        }
        let n_steps = self.steps.len();
        let line = |(idx, name): (usize, &String)| {
            let own = &self.values[idx * n_steps..(idx + 1) * n_steps];
            let points = self.steps.iter().zip(own).map(|(&step, &value)| (step as f32, value));
            let broad = if (idx / usize::from(N_COLORS)) % 2 == 1 { HELD_OUT } else { 0 };
            let color = (idx % usize::from(N_COLORS)) as u8 | broad;
            Line { name: name.clone(), color, points: points.collect() }
        };
        Some(ChartSpec {
            title,
            x_name: "steps".into(),
            y_name: self.quantity.into(),
            lines: self.names.iter().enumerate().map(line).collect(),
            is_x_whole: true,
            is_y_log: is_for_factors(&self.values),
            ..ChartSpec::default()
        })
    }

    /// Steps down, places across.
    pub fn table(self) -> Option<Table> {
        if self.values.is_empty() {
            return None;
        }
        let n_steps = self.steps.len();
        let row = |(at, step): (usize, &u32)| {
            let own =
                self.values.iter().skip(at).step_by(n_steps).map(|&value| format::plain(value));
            std::iter::once(step.to_string()).chain(own).collect()
        };
        let rows = self.steps.iter().enumerate().map(row).collect();
        let caption = format!("{}, a step a row", self.quantity);
        let columns = std::iter::once("step".to_owned()).chain(self.names).collect();
        Some(Table { caption, columns, rows })
    }
}

/// Whether values are drawn on an axis of factors, where what is zero or less has no place: all are above zero, or
/// the others span so much that an even axis would show the largest alone.
fn is_for_factors(values: &[f32]) -> bool {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let above = || known().filter(|value| *value > 0.0 && value.is_finite());
    let (least, most) = (above().fold(f32::INFINITY, f32::min), above().fold(0.0, f32::max));
    known().all(|value| value > 0.0) || known().all(|value| value >= 0.0) && most / least > 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_keep_an_even_axis_unless_the_rest_would_vanish_on_it() {
        assert!(is_for_factors(&[0.1, 2.0, f32::NAN]));
        assert!(!is_for_factors(&[0.0, 0.1, 2.0]));
        assert!(!is_for_factors(&[-1.0, 1e-3, 1e9]));
        assert!(is_for_factors(&[0.0, 0.1, 1e19]));
    }

    fn all() -> OverSteps {
        OverSteps {
            quantity: "gradient norm",
            names: vec!["embed".into(), "layer 0".into()],
            steps: vec![1, 5],
            values: vec![1.0, 2.0, 3.0, 4.0],
        }
    }

    #[test]
    fn a_map_of_many_steps_has_some_of_them_and_the_last() {
        let steps: Vec<u32> = (0..200).map(|step| step * 2).collect();
        let values: Vec<f32> =
            [steps.clone(), steps.clone()].concat().iter().map(|step| *step as f32).collect();
        let names = vec!["embed".to_owned(), "layer 0".to_owned()];
        let all = OverSteps { quantity: "norm", names, steps, values };
        let map = all.map().expect("values");
        assert_eq!((map.n_rows, map.n_cols, map.values.len()), (2, 50, 100));
        assert_eq!(map.col_labels.last().map(String::as_str), Some("398"));
        assert!(
            map.values.chunks(50).all(|row| row[49] == 398.0 && row[0] == 6.0),
            "{:?}",
            map.values
        );
    }

    #[test]
    fn map_lines_and_table_have_all_points() {
        let view = all().map().unwrap();
        assert_eq!(view.row_labels, ["embed", "layer 0"]);
        assert_eq!(view.col_labels, ["1", "5"]);
        assert_eq!(view.value(1, 0), Some(3.0));
        let spec = all().chart("t".into()).unwrap();
        assert_eq!(spec.lines[1].points, [(1.0, 3.0), (5.0, 4.0)]);
        let table = all().table().unwrap();
        assert_eq!(table.columns, ["step", "embed", "layer 0"]);
        assert_eq!(table.rows[1], ["5", "2", "4"]);
        assert_eq!(OverSteps::default().map(), None);
    }

    #[test]
    fn what_can_be_zero_has_no_axis_of_factors() {
        assert!(all().chart(String::new()).unwrap().is_y_log);
        let with_zero = OverSteps { values: vec![0.0, 2.0, 3.0, 4.0], ..all() };
        assert!(!with_zero.chart(String::new()).unwrap().is_y_log);
    }
}
