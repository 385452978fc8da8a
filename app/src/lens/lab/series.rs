//! Runs and their curves.

use std::sync::Arc;

use crate::format;
use crate::lens::lab::knobs::{Choice, names};
use crate::lens::table::Table;
use crate::parts::plot::{ChartSpec, HELD_OUT, Line};
use crate::protocol::lab::{NormPoint, Point, RunFacts, RunNo, ScorePoint, Went};

/// Most points of a line on screen.
const MAX_POINTS: usize = 400;
/// Colours that tell runs apart.
pub const N_COLORS: u8 = 4;

/// A run of this visit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The page's count, from 1.
    pub run: RunNo,
    /// What it was asked for.
    pub choice: Choice,
    /// What it is, once it has begun.
    pub facts: RunFacts,
    /// Its steps.
    pub points: Vec<Point>,
    /// Its validations.
    pub scores: Vec<ScorePoint>,
    /// Norms of its parameters.
    pub norms: Vec<NormPoint>,
    /// Milliseconds a step takes.
    pub step_ms: f64,
    /// Milliseconds of a step's kernels on the GPU; 0 where it does not tell.
    pub gpu_ms: f64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Its curves are left out.
    pub is_hidden: bool,
}

impl Run {
    /// Takes what was done.
    pub fn went(&mut self, went: Went) {
        self.points.extend(went.points);
        self.scores.extend(went.scores);
        self.norms.extend(went.norms);
        (self.step_ms, self.gpu_ms, self.seconds) = (went.step_ms, went.gpu_ms, went.seconds);
    }

    /// Forgets what came after a step.
    pub fn rewind(&mut self, step: u32) {
        self.points.retain(|point| point.step <= step);
        self.scores.retain(|score| score.step <= step);
        self.norms.retain(|norms| norms.step <= step);
    }

    /// Steps that were done.
    pub fn n_done(&self) -> u32 {
        self.points.last().map_or(self.facts.n_done, |point| point.step)
    }

    /// Which colour its curves have.
    pub fn color(&self) -> u8 {
        (self.run.wrapping_sub(1) % u32::from(N_COLORS)) as u8
    }
}

/// A quantity over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    /// The loss, of each step and of what is held out.
    #[default]
    Loss,
    /// Held-out sequences that are right to the last token, and tokens that were likeliest.
    Right,
    /// The learning rate.
    Rate,
    /// The norm of all gradients.
    Norm,
}

impl Curve {
    /// Those that have a value at every step, with their words and names.
    pub const OF_STEPS: [(Self, &'static str, &'static str); 3] = [
        (Self::Loss, "loss", "loss"),
        (Self::Norm, "norm", "gradient norm"),
        (Self::Rate, "rate", "learning rate"),
    ];

    /// What is to be seen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Loss => "Loss over the steps",
            Self::Right => "Held-out tokens and examples that are right",
            Self::Rate => "Learning rate over the steps",
            Self::Norm => "Norm of all gradients over the steps",
        }
    }
}

/// What the runs are called in legends.
pub fn run_names(runs: &[Arc<Run>]) -> Vec<String> {
    names(&runs.iter().map(|run| &run.choice).collect::<Vec<_>>())
}

/// The chart of a quantity, of all runs that are shown; none while there is no point.
pub fn chart(runs: &[Arc<Run>], curve: Curve, is_log: bool) -> Option<ChartSpec> {
    let mut lines = Vec::new();
    let shown = runs.iter().zip(run_names(runs)).filter(|(run, _)| !run.is_hidden);
    for (run, name) in shown {
        let mut add = |what: &str, color: u8, points: Vec<(f32, f32)>| {
            if !points.is_empty() {
                lines.push(Line { name: format!("{name}{what}"), color, points });
            }
        };
        let of_steps = |value: fn(&Point) -> f32| {
            thinned(&run.points.iter().map(|p| (p.step as f32, value(p))).collect::<Vec<_>>())
        };
        let of_scores = |value: fn(&ScorePoint) -> f32| {
            run.scores.iter().map(|score| (score.step as f32, value(score))).collect()
        };
        let color = run.color();
        match curve {
            Curve::Loss => {
                add("", color, of_steps(|point| point.loss));
                add(", held out", color | HELD_OUT, of_scores(|score| score.loss));
            }
            Curve::Right => {
                add(", tokens", color, of_scores(|score| score.accuracy));
                // Of a text no stretch is right to the last character.
                if run.facts.is_judged {
                    add(", whole", color | HELD_OUT, of_scores(|score| score.exact));
                }
            }
            Curve::Rate => add("", color, of_steps(|point| point.rate)),
            Curve::Norm => add("", color, of_steps(|point| point.norm)),
        }
    }
    if lines.is_empty() {
        return None;
    }
    let y_name = match curve {
        Curve::Loss => "nats a token",
        Curve::Right => "share",
        Curve::Rate => "learning rate",
        Curve::Norm => "norm",
    };
    Some(ChartSpec {
        title: curve.title().into(),
        x_name: "steps".into(),
        y_name: y_name.into(),
        lines,
        y_range: (curve == Curve::Right).then_some((0.0, 1.0)),
        is_x_whole: true,
        is_x_doubling: false,
        is_y_log: is_log,
        marker: None,
    })
}

/// At most [`MAX_POINTS`] points: means of equal numbers of neighbours. What is no number stays so.
fn thinned(points: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let n = points.len().div_ceil(MAX_POINTS).max(1);
    let mean = |chunk: &[(f32, f32)]| {
        let count = chunk.len() as f32;
        let sum = chunk.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(n).map(mean).collect()
}

/// Every step, or every validation, of all runs that are shown.
pub fn table(runs: &[Arc<Run>], curve: Curve) -> Option<Table> {
    let is_of_scores = curve == Curve::Right;
    let columns: &[&str] = match is_of_scores {
        true => &["run", "step", "held-out loss", "tokens right", "whole right"],
        false => &["run", "step", "loss", "gradient norm", "learning rate"],
    };
    let mut rows = Vec::new();
    let shown = runs.iter().zip(run_names(runs)).filter(|(run, _)| !run.is_hidden);
    for (run, name) in shown {
        let mut add = |step: u32, values: [f32; 3]| {
            let values = values.into_iter().map(format::plain);
            rows.push([name.clone(), step.to_string()].into_iter().chain(values).collect());
        };
        match is_of_scores {
            true => {
                run.scores.iter().for_each(|s| add(s.step, [s.loss, s.accuracy, s.exact]));
            }
            false => run.points.iter().for_each(|p| add(p.step, [p.loss, p.norm, p.rate])),
        }
    }
    let caption = if is_of_scores { "Validations" } else { "Steps" };
    let columns = columns.iter().map(|&name| name.into()).collect();
    (!rows.is_empty()).then_some(Table { caption: caption.into(), columns, rows })
}

/// A run's state in figures: what it has done, how fast, how well.
pub fn summary(run: &Run) -> Vec<(&'static str, String)> {
    let mut facts = vec![("step", format!("{} of {}", run.n_done(), run.facts.n_steps))];
    if run.step_ms > 0.0 {
        let per_second = 1000.0 / run.step_ms;
        let n_tokens = f64::from(run.facts.n_tokens);
        facts.push(("steps/s", format::three(per_second as f32)));
        facts.push(("tokens/s", format::count((per_second * n_tokens) as u64)));
        facts.push(("time", format::duration(run.seconds * 1000.0)));
    }
    if run.gpu_ms > 0.0 {
        facts.push(("on the GPU, a step", format::duration(run.gpu_ms)));
    }
    if let Some(last) = run.points.last() {
        facts.push(("loss", format::three(last.loss)));
        facts.push(("rate", format::three(last.rate)));
    }
    if let Some(score) = run.scores.last() {
        facts.push(("held-out loss", format::three(score.loss)));
        if run.facts.is_judged {
            facts.push(("right", format!("{} %", format::three(score.exact * 100.0))));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: RunNo, query: &str, n_steps: u32) -> Arc<Run> {
        let point = |step: u32| Point { step, loss: step as f32, norm: 1.0, rate: 0.5 };
        let score = ScorePoint { step: n_steps, loss: 2.5, accuracy: 0.75, exact: 0.5 };
        let mut run = Run { run: number, choice: Choice::from_query(query), ..Run::default() };
        run.went(Went {
            points: (1..=n_steps).map(point).collect(),
            scores: vec![score],
            step_ms: 20.0,
            gpu_ms: 12.0,
            seconds: 2.0,
            ..Went::default()
        });
        Arc::new(run)
    }

    #[test]
    fn runs_lie_over_each_other_with_their_differences_named() {
        let runs = [run(1, "data.task=copy", 3), run(2, "data.task=copy&seed=5", 2)];
        let spec = chart(&runs, Curve::Loss, false).unwrap();
        let names: Vec<_> = spec.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["seed 0", "seed 0, held out", "seed 5", "seed 5, held out"]);
        assert_eq!(spec.lines[0].points, [(1., 1.), (2., 2.), (3., 3.)]);
        assert_eq!(spec.lines[3].color, 1 | HELD_OUT);
        let hidden = [Arc::new(Run { is_hidden: true, ..(*runs[0]).clone() })];
        assert_eq!(chart(&hidden, Curve::Loss, false), None);
        assert_eq!(table(&runs, Curve::Norm).unwrap().rows.len(), 5);
        assert_eq!(table(&runs, Curve::Right).unwrap().rows[1][2], "2.5");
    }

    #[test]
    fn long_runs_are_thinned_by_means() {
        let spec = chart(&[run(1, "", 2000)], Curve::Loss, false).unwrap();
        assert_eq!(spec.lines[0].points.len(), MAX_POINTS);
        assert_eq!(spec.lines[0].points[0], (3.0, 3.0));
        let broken = thinned(&[(1.0, 1.0), (2.0, f32::NAN)]);
        assert!(broken[1].1.is_nan());
    }

    #[test]
    fn rewinding_forgets_what_came_after() {
        let mut run = (*run(1, "", 10)).clone();
        run.rewind(4);
        assert_eq!((run.n_done(), run.scores.len()), (4, 0));
        run.rewind(0);
        assert_eq!(run.n_done(), 0);
    }

    #[test]
    fn a_summary_counts_in_seconds() {
        let mut run = (*run(1, "", 10)).clone();
        run.facts = RunFacts { n_steps: 40, n_tokens: 200, is_judged: true, ..Default::default() };
        let summary = summary(&run);
        let find = |name| summary.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        assert_eq!(find("step"), "10 of 40");
        assert_eq!((find("steps/s"), find("tokens/s")), ("50.0", "10.0 k"));
        assert_eq!((find("right"), find("time")), ("50.0 %", "2000 ms"));
        assert_eq!(find("on the GPU, a step"), "12 ms");
    }
}
