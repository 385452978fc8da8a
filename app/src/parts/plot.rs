//! Line charts by plotters, drawn into a list of marks: they become SVG nodes on the page and
//! SVG text in a file. Colours are roles, so that a style sheet decides.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::ops::Range;
use std::rc::Rc;

use plotters::coord::ranged1d::{
    BoldPoints, KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter,
};
use plotters::coord::types::RangedCoordf32;
use plotters::prelude::*;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

use crate::format;

/// Marks stand on a grid this much finer than CSS pixels: plotters counts in integers.
pub const FINENESS: i32 = 4;

/// Added to a line's colour: it is drawn broad and pale, behind a thin one of the same colour.
pub const HELD_OUT: u8 = 4;

/// A line of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// For the legend.
    pub name: String,
    /// Which of the style sheet's line colours; with [`HELD_OUT`] broad.
    pub color: u8,
    /// Its points; those that are not finite break it.
    pub points: Vec<(f32, f32)>,
}

impl Line {
    /// Values over their indices.
    pub fn of_values(name: &str, color: u8, values: &[f32]) -> Self {
        let points = values.iter().enumerate().map(|(i, &v)| (i as f32, v)).collect();
        Self { name: name.into(), color, points }
    }
}

/// A chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartSpec {
    /// What is to be seen.
    pub title: String,
    /// Along x.
    pub x_name: String,
    /// Along y.
    pub y_name: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// Range of y, if not that of the data.
    pub y_range: Option<(f32, f32)>,
    /// x stands for whole numbers.
    pub is_x_whole: bool,
    /// Equal steps of x are equal factors, with labels at powers of two.
    pub is_x_doubling: bool,
    /// Equal steps of y are equal factors; what is not above 0 breaks the line.
    pub is_y_log: bool,
    /// A vertical rule at this x.
    pub marker: Option<f32>,
}

impl ChartSpec {
    /// A point as it is drawn: on an axis of factors by its power of two (x) or ten (y).
    fn placed(&self, &(x, y): &(f32, f32)) -> (f32, f32) {
        // Below 0 a logarithm is NaN, at 0 it is infinite: neither is drawn.
        (self.placed_x(x), if self.is_y_log { y.log10() } else { y })
    }

    fn placed_x(&self, x: f32) -> f32 {
        if self.is_x_doubling { x.log2() } else { x }
    }

    fn x_scale(&self) -> Scale {
        match (self.is_x_doubling, self.is_x_whole) {
            (true, _) => Scale::Twos,
            (false, true) => Scale::Whole,
            (false, false) => Scale::Plain,
        }
    }

    fn y_scale(&self) -> Scale {
        if self.is_y_log { Scale::Tens } else { Scale::Plain }
    }
}

/// Roles that a style sheet colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Axes and labels.
    Quiet,
    /// The grid.
    Hairline,
    /// The marker.
    Marker,
    /// A line.
    Series(u8),
}

impl Role {
    fn color(self) -> RGBColor {
        match self {
            Self::Quiet => RGBColor(0, 0, 0),
            Self::Hairline => RGBColor(0, 0, 1),
            Self::Marker => RGBColor(0, 0, 2),
            Self::Series(number) => RGBColor(0, 1, number),
        }
    }

    fn from_rgb(rgb: (u8, u8, u8)) -> Self {
        match rgb {
            (0, 0, 1) => Self::Hairline,
            (0, 0, 2) => Self::Marker,
            (0, 1, number) => Self::Series(number),
            _ => Self::Quiet,
        }
    }

    /// Class name.
    pub fn class(self) -> &'static str {
        match self {
            Self::Quiet => "plot-quiet",
            Self::Hairline => "plot-hairline",
            Self::Marker => "plot-marker",
            Self::Series(0) => "plot-series-0",
            Self::Series(1) => "plot-series-1",
            Self::Series(2) => "plot-series-2",
            Self::Series(3) => "plot-series-3",
            Self::Series(4) => "plot-series-0 plot-broad",
            Self::Series(5) => "plot-series-1 plot-broad",
            Self::Series(6) => "plot-series-2 plot-broad",
            Self::Series(_) => "plot-series-3 plot-broad",
        }
    }
}

/// Something drawn, in steps of 1 / [`FINENESS`] px.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line through points.
    Path {
        /// Its role.
        role: Role,
        /// At least two.
        points: Vec<BackendCoord>,
    },
    /// A label.
    Text {
        /// The words.
        text: String,
        /// Where.
        at: BackendCoord,
        /// `start`, `middle` or `end`.
        anchor: &'static str,
    },
}

/// Draws a chart; empty if it has no finite point or no space.
pub fn draw(spec: &ChartSpec, width: f64, height: f64) -> Vec<Mark> {
    let marks = Rc::new(RefCell::new(Vec::new()));
    let size = ((width * f64::from(FINENESS)) as u32, (height * f64::from(FINENESS)) as u32);
    if size.0 < 240 || size.1 < 160 {
        return Vec::new();
    }
    let backend = Recorder { size, marks: Rc::clone(&marks) };
    let drawn = ranges(spec).is_some_and(|(x, y)| draw_on(backend, spec, x, y).is_ok());
    if drawn { marks.take() } else { Vec::new() }
}

/// Ranges of x and y that can be drawn: finite, not empty, with some air.
fn ranges(spec: &ChartSpec) -> Option<(Range<f32>, Range<f32>)> {
    let points = spec.lines.iter().flat_map(|line| &line.points).map(|point| spec.placed(point));
    let finite: Vec<(f32, f32)> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (mut x, mut y) = (finite.first()?.0, finite.first()?.1);
    let (mut x_end, mut y_end) = (x, y);
    for point in &finite {
        (x, x_end) = (x.min(point.0), x_end.max(point.0));
        (y, y_end) = (y.min(point.1), y_end.max(point.1));
    }
    if let Some(range) = spec.y_range {
        (y, y_end) = range;
    }
    let widen = |start: f32, end: f32| {
        if end > start { start..end } else { start - 0.5..end + 0.5 }
    };
    let y = widen(y, y_end);
    let air = if spec.y_range.is_some() { 0.0 } else { (y.end - y.start) * 0.06 };
    let y = y.start - air..y.end + air;
    let is_drawable = |range: &Range<f32>| (range.end - range.start).is_normal();
    let x = widen(x, x_end);
    (is_drawable(&x) && is_drawable(&y)).then_some((x, y))
}

fn draw_on(
    backend: Recorder,
    spec: &ChartSpec,
    x: Range<f32>,
    y: Range<f32>,
) -> Result<(), DrawingAreaErrorKind<Infallible>> {
    let fine = |pixels: i32| pixels * FINENESS;
    let (n_x, n_y) =
        ((backend.size.0 / 240).clamp(2, 12) as usize, (backend.size.1 / 130).clamp(2, 6) as usize);
    let area = backend.into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin_top(fine(6))
        .margin_right(fine(12))
        .x_label_area_size(fine(20))
        .y_label_area_size(fine(44))
        .build_cartesian_2d(Axis::new(x, spec.x_scale()), Axis::new(y.clone(), spec.y_scale()))?;
    let label = ("sans-serif", fine(12)).into_font().color(&Role::Quiet.color());
    let hairline = Role::Hairline.color();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(hairline)
        .light_line_style(TRANSPARENT)
        .axis_style(hairline)
        .label_style(label)
        .x_labels(n_x)
        .y_labels(n_y)
        .draw()?;
    if let Some(x) = spec.marker.map(|x| spec.placed_x(x)) {
        let rule = vec![(x, y.start), (x, y.end)];
        chart.draw_series(LineSeries::new(rule, Role::Marker.color()))?;
    }
    for line in &spec.lines {
        let is_finite = |(x, y): &(f32, f32)| x.is_finite() && y.is_finite();
        let points: Vec<(f32, f32)> = line.points.iter().map(|point| spec.placed(point)).collect();
        for run in points.split(|point| !is_finite(point)).filter(|run| !run.is_empty()) {
            let points = run.iter().map(|&(x, v)| (x, v.max(y.start).min(y.end)));
            let color = Role::Series(line.color).color();
            chart.draw_series(LineSeries::new(points, color))?;
        }
    }
    area.present()
}

/// What the numbers along an axis stand for.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    /// Themselves.
    Plain,
    /// Themselves; only whole ones have a label.
    Whole,
    /// The two to their power; only whole powers have a label.
    Twos,
    /// The ten to their power.
    Tens,
}

/// An axis whose numbers are written as all numbers on the page.
struct Axis {
    of: RangedCoordf32,
    scale: Scale,
    /// Digits behind the point of all ticks, by the step between them; none where they are too large or small.
    n_digits: Cell<Option<u32>>,
}

impl Axis {
    fn new(range: Range<f32>, scale: Scale) -> Self {
        Self { of: range.into(), scale, n_digits: Cell::default() }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f32;

    fn map(&self, value: &f32, pixels: (i32, i32)) -> i32 {
        self.of.map(value, pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f32> {
        let most = hint.max_num_points();
        let points = match self.scale {
            Scale::Tens => factors(self.of.range(), most).or_else(|| within(self.of.range(), most)),
            _ => None,
        };
        let points = points.unwrap_or_else(|| self.of.key_points(hint));
        self.n_digits.set(digits_of(&points));
        points
    }

    fn range(&self) -> Range<f32> {
        self.of.range()
    }
}

/// Ticks of an axis of factors, where all of it is less than a factor of ten: at equal steps, as logarithms.
fn within(range: Range<f32>, most: usize) -> Option<Vec<f32>> {
    let is_small = range.end - range.start < 1.0 && range.start.abs() < 30.0;
    let steps = || RangedCoordf32::from(10_f32.powf(range.start)..10_f32.powf(range.end));
    let ticks = || steps().key_points(BoldPoints(most.min(6)));
    is_small.then(|| ticks().into_iter().map(f32::log10).filter(|tick| tick.is_finite()).collect())
}

/// How many digits behind the point tell evenly spaced ticks apart.
fn digits_of(ticks: &[f32]) -> Option<u32> {
    let step = ticks.get(1)? - ticks.first()?;
    let largest = ticks.iter().fold(0.0_f32, |most, tick| most.max(tick.abs()));
    let is_plain = (1e-3..1e5).contains(&step) && largest < 1e5;
    // 0.25 needs a digit more than 0.2.
    let places = |n_digits: &u32| {
        let scaled = step * 10_f32.powi(*n_digits as i32);
        (scaled - scaled.round()).abs() < 0.01 * scaled
    };
    if is_plain { (0..=4).find(places) } else { None }
}

/// Ticks of an axis of factors as people know them, as logarithms: 1, 2 and 5 of each decade, or 1 and 3, or 1, as
/// many as there is room for. None where there would be fewer than two.
fn factors(range: Range<f32>, most: usize) -> Option<Vec<f32>> {
    let decades = range.start.floor() as i32..=range.end.ceil() as i32;
    [&[1.0_f32, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]].into_iter().find_map(|steps| {
        let all =
            decades.clone().flat_map(|ten| steps.iter().map(move |step| step.log10() + ten as f32));
        let ticks: Vec<f32> =
            all.filter(|tick| (range.start - 1e-4..=range.end + 1e-4).contains(tick)).collect();
        (2..=most.min(7)).contains(&ticks.len()).then_some(ticks)
    })
}

/// A number of one digit and noughts; none if it has more, or is better written with a power of ten.
fn one_digit(value: f32) -> Option<String> {
    let power = value.log10().floor();
    let digit = value / 10_f32.powf(power);
    let is_one = (digit - digit.round()).abs() < 1e-3 && (1e-3..1e5).contains(&value);
    is_one.then(|| format::fixed(value.into(), (-power).max(0.0) as u32))
}

impl ValueFormatter<f32> for Axis {
    fn format_ext(&self, value: &f32) -> String {
        let is_whole = value.fract().abs() < 1e-3;
        match self.scale {
            // Beyond what an f32 holds.
            Scale::Tens if *value > 38.0 => format!("1e{value:.0}"),
            // 1, 2, 5 of a decade, or whole powers where they are many: with no more digits than that.
            Scale::Tens => match one_digit(10_f32.powf(*value)) {
                Some(short) => short,
                None => format::three(10_f32.powf(*value)).replace(".00e", "e"),
            },
            Scale::Plain if let Some(n_digits) = self.n_digits.get() => {
                // No tick is at a negative zero.
                let value = if value.abs() < 1e-6 { 0.0 } else { *value };
                format::fixed(value.into(), n_digits).replace('-', "−")
            }
            // Large ones with as many digits as there is room for.
            Scale::Plain if value.abs() >= 1.0 => format::three(*value).replace("0e", "e"),
            Scale::Plain => format::three(*value),
            Scale::Whole | Scale::Twos if !is_whole => String::new(),
            // No tick is at a negative zero.
            Scale::Whole => format::fixed((value.round() + 0.0).into(), 0),
            Scale::Twos if *value < 0.0 => format!("1/{}", 2_f32.powf(-value.round())),
            Scale::Twos => format::fixed(2_f64.powf(value.round().into()), 0),
        }
    }
}

/// Writes down what plotters draws.
struct Recorder {
    size: (u32, u32),
    marks: Rc<RefCell<Vec<Mark>>>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl Recorder {
    fn path(&self, color: BackendColor, points: Vec<BackendCoord>) -> Drawn {
        if color.alpha > 0.0 && points.len() > 1 {
            let role = Role::from_rgb(color.rgb);
            self.marks.borrow_mut().push(Mark::Path { role, points });
        }
        Ok(())
    }
}

impl DrawingBackend for Recorder {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    // Every shape that the charts use is drawn as a path; single pixels would be rasterised ones.
    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.path(style.color(), vec![from, to])
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.path(style.color(), path.into_iter().collect())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // Marks are centred on their height.
        let half = (style.size() / 2.0) as i32;
        let y = match style.anchor().v_pos {
            VPos::Top => at.1 + half,
            VPos::Center => at.1,
            VPos::Bottom => at.1 - half,
        };
        self.marks.borrow_mut().push(Mark::Text { text: text.into(), at: (at.0, y), anchor });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok(((size * 0.55 * text.chars().count() as f64) as u32, size as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(points: &[(f32, f32)]) -> ChartSpec {
        ChartSpec {
            lines: vec![Line { name: "a".into(), color: 1, points: points.to_vec() }],
            ..ChartSpec::default()
        }
    }

    fn series(marks: &[Mark]) -> Vec<&Vec<BackendCoord>> {
        let of = |mark: &'_ Mark| matches!(mark, Mark::Path { role: Role::Series(1), .. });
        marks
            .iter()
            .filter(|mark| of(mark))
            .filter_map(|mark| match mark {
                Mark::Path { points, .. } => Some(points),
                Mark::Text { .. } => None,
            })
            .collect()
    }

    #[test]
    fn axes_of_factors_have_ticks_that_people_know() {
        let shown = |range: Range<f32>| {
            let ticks = factors(range, 10)?;
            Some(ticks.iter().map(|tick| format::three(10_f32.powf(*tick))).collect::<Vec<_>>())
        };
        assert_eq!(
            shown(-1.0..0.4),
            Some(["0.100", "0.200", "0.500", "1.00", "2.00"].map(String::from).into())
        );
        assert_eq!(shown(-1.0..1.2).map(|ticks| ticks.len()), Some(7), "1, 2, 5, as many as fit");
        assert_eq!(shown(-3.0..0.0).map(|ticks| ticks.len()), Some(7), "1 and 3");
        assert_eq!(shown(0.05..0.2), None);
    }

    #[test]
    fn an_axis_of_less_than_a_factor_of_ten_has_ticks_at_equal_steps() {
        let axis = Axis::new(1.22_f32.log10()..1.8_f32.log10(), Scale::Tens);
        let labels: Vec<String> =
            axis.key_points(BoldPoints(5)).iter().map(|tick| axis.format_ext(tick)).collect();
        assert_eq!(labels, ["1.30", "1.40", "1.50", "1.60", "1.70"]);
    }

    #[test]
    fn a_line_is_one_path_with_labels_beside() {
        let marks = draw(&spec(&[(0., 1.), (1., 3.), (2., 2.)]), 300.0, 120.0);
        let lines = series(&marks);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].len(), 3);
        assert!(lines[0][1].1 < lines[0][0].1, "larger values stand higher");
        assert!(marks.iter().any(|mark| matches!(mark, Mark::Text { .. })));
    }

    #[test]
    fn labels_of_x_stand_below_the_axis() {
        let marks = draw(&spec(&[(0., 1.), (1., 3.), (2., 2.)]), 300.0, 120.0);
        let lowest_line = marks.iter().filter_map(|mark| match mark {
            Mark::Path { points, .. } => points.iter().map(|point| point.1).max(),
            Mark::Text { .. } => None,
        });
        let lowest_text = marks.iter().filter_map(|mark| match mark {
            Mark::Path { .. } => None,
            Mark::Text { at, .. } => Some(at.1),
        });
        let (line, text) = (lowest_line.max(), lowest_text.max());
        assert!(text > line.map(|y| y + 6 * FINENESS), "{text:?} below {line:?}");
    }

    #[test]
    fn equal_factors_are_equal_steps() {
        let chart = ChartSpec { is_y_log: true, ..spec(&[(0., 100.), (1., 10.), (2., 1.)]) };
        let marks = draw(&chart, 300.0, 160.0);
        let lines = series(&marks);
        let [a, b, c] = [0, 1, 2].map(|idx| lines[0][idx].1);
        assert!(((b - a) - (c - b)).abs() <= 1, "{a} {b} {c}");
        let labels = marks.iter().filter_map(|mark| match mark {
            Mark::Text { text, .. } => Some(text.as_str()),
            Mark::Path { .. } => None,
        });
        assert!(labels.clone().any(|label| label == "10"), "{:?}", labels.collect::<Vec<_>>());
        let zero =
            ChartSpec { is_y_log: true, ..spec(&[(0., 1.), (1., 10.), (2., 0.), (3., -1.)]) };
        assert_eq!(series(&draw(&zero, 300.0, 160.0))[0].len(), 2);
    }

    #[test]
    fn doublings_are_equal_steps_with_powers_of_two_beside() {
        let points = [(128., 1.), (256., 2.), (512., 3.), (1024., 4.)];
        let marks = draw(&ChartSpec { is_x_doubling: true, ..spec(&points) }, 900.0, 160.0);
        let xs: Vec<i32> = series(&marks)[0].iter().map(|point| point.0).collect();
        assert!(((xs[1] - xs[0]) - (xs[3] - xs[2])).abs() <= 1, "{xs:?}");
        let labels: Vec<&str> = marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text { text, .. } => Some(text.as_str()),
                Mark::Path { .. } => None,
            })
            .collect();
        assert!(["128", "256", "512"].iter().all(|label| labels.contains(label)), "{labels:?}");
    }

    #[test]
    fn what_is_not_finite_breaks_the_line() {
        let points = [(0., 1.), (1., 2.), (2., f32::NAN), (3., 2.), (4., f32::INFINITY), (5., 1.)];
        let marks = draw(&spec(&points), 300.0, 120.0);
        assert_eq!(series(&marks).len(), 1, "single points make no path");
    }

    #[test]
    fn empty_equal_and_odd_values_do_not_panic() {
        for points in [
            vec![],
            vec![(0.0, f32::NAN)],
            vec![(0.0, 5.0)],
            vec![(0.0, 5.0), (1.0, 5.0)],
            vec![(0.0, f32::MAX), (1.0, -f32::MAX)],
            vec![(0.0, 1e-40), (1.0, 2e-40)],
        ] {
            draw(&spec(&points), 300.0, 120.0);
            assert!(draw(&spec(&points), 0.0, 0.0).is_empty());
        }
    }

    #[test]
    fn ticks_of_an_axis_have_as_many_digits_as_their_step() {
        let labels = |range: Range<f32>| -> Vec<String> {
            let axis = Axis::new(range, Scale::Plain);
            let points = axis.key_points(BoldPoints(6));
            points.iter().map(|tick| axis.format_ext(tick)).collect()
        };
        assert_eq!(labels(0.0..1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-60.0..60.0), ["−50", "0", "50"]);
        assert_eq!(labels(0.0..0.5)[1], "0.1");
        assert!(labels(0.0..1e7).iter().all(|label| label.len() < 8));
    }

    #[test]
    fn ticks_fit_beside_the_axis() {
        let axis = Axis::new(0.0..1.0, Scale::Plain);
        for (value, tick) in [(1.5e19, "1.5e19"), (2e5, "2.0e5"), (5e-4, "5.0e−4"), (10.0, "10.0")]
        {
            assert_eq!(axis.format_ext(&value), tick);
        }
    }
}
