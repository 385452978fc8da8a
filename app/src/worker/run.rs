//! Runs: a text (or one more token) through the model, and the answers to it.

use std::collections::BTreeMap;

use js_sys::Float32Array;
use vitrine_kernels::Control;
use vitrine_models::sample::{self, Random};
use vitrine_models::tokenize::visible;
use vitrine_models::{HookPoint, Input, ModelError, ModelSpec, RunInfo, Tap, Trace};

use super::http::megabytes;
use super::js;
use super::load::Loaded;
use super::post::{fault, post, post_buffer, post_bytes};
use super::studio::{LastRun, Studio};
use super::text::{self, Piece};
use crate::protocol::{
    Candidate, FaultPlace, FromWorker, GenerateEnd, GenerateJob, LensRow, Predictions, RunId,
    RunJob, RunReport, TokenView, Wants,
};

/// Candidates that go with every prediction.
const N_TOP: usize = 64;
/// Candidates of each row of the lens.
const N_LENS: usize = 5;
/// While tokens stream, wall and predictions follow at most so often: nobody sees more.
const SHOW_EVERY_MS: f64 = 40.0;
/// Showing rests for so many times as long as it took, so that most of the time goes to tokens.
const REST_AFTER_SHOWING: f64 = 9.0;
/// What a painted canvas needs to come on screen.
const MS_TO_SHOW: u32 = 20;
/// Hooks are more work for the page.
const TRACE_EVERY_MS: f64 = 100.0;
/// Values read back at once, for one answer.
const MAX_TRACE_BYTES: u64 = 384 << 20;

/// What the visitor should know of a text that is too long for the wall.
const TOO_LONG_FOR_MAPS: &str = "This text is too long to keep the maps of all heads: the wall \
                                 is empty, single heads are computed when you look at them.";

/// A text cut into tokens.
struct Prepared {
    input: Input,
    views: Vec<TokenView>,
    notice: Option<String>,
}

impl Studio {
    /// Runs a text.
    pub async fn run(&mut self, job: RunJob) {
        self.job = Some(job.clone());
        if self.playback.is_some() {
            return self.play(job.run).await;
        }
        let run = job.run;
        // From here on a newer text cancels this one.
        let control = self.desk.begin();
        let Some(loaded) = &self.loaded else {
            if self.is_bereft {
                let what = "No model is loaded: the last one could not be kept";
                fault(
                    FaultPlace::Run,
                    what,
                    "Load a model again, a smaller one if memory is short.",
                );
            }
            return;
        };
        if loaded.card.encoder.is_some() {
            return self.run_pair(job, &control).await;
        }
        let prepared = match prepare(loaded, &job).await {
            Ok(prepared) => prepared,
            Err(problem) => {
                let advice = "Change the text, or take another model.";
                fault(FaultPlace::Run, problem, advice);
                return;
            }
        };
        if control.check().is_err() {
            return;
        }
        let Prepared { input, views, notice } = prepared;
        post(&FromWorker::Tokens { run, tokens: views.clone(), notice: notice.clone() });
        if input.ids.is_empty() {
            self.last = None;
            post(&FromWorker::Ran(RunReport { run, ..RunReport::default() }));
            self.repaint().await;
            return;
        }
        let (info, read) = match self.set_tokens(&input, &control).await {
            Ok(done) => done,
            Err(err) => {
                // The same text on the engine that is there now.
                if !self.mend(&err).await {
                    return;
                }
                match self.set_tokens(&input, &control).await {
                    Ok(done) => done,
                    Err(err) => {
                        if self.mend(&err).await {
                            self.desk.run_again(job);
                        }
                        return;
                    }
                }
            }
        };
        if self.leaves_maps_out() {
            let notices: Vec<String> =
                notice.into_iter().chain([TOO_LONG_FOR_MAPS.into()]).collect();
            let notice = Some(notices.join(" "));
            post(&FromWorker::Tokens { run, tokens: views.clone(), notice });
        }
        self.completed(run, input, views, info, read);
        self.report();
        self.show().await;
        self.fill_masks(&control).await;
        self.answer_with(&control).await;
    }

    pub(super) async fn set_tokens(
        &mut self,
        input: &Input,
        control: &Control,
    ) -> Result<(RunInfo, Trace), ModelError> {
        let wants = self.desk.wants();
        let Some(loaded) = &mut self.loaded else {
            return Err(ModelError::input("text", "no model is loaded"));
        };
        // What the panels need is kept from the start, rather than run for once more, and comes
        // back with the run.
        let points = points_of(&wants.hooks, loaded.session.spec());
        loaded.session.want(points.iter().map(|point| point.hook))?;
        loaded.session.set_tokens_reading(input, &taps_of(&points), control).await
    }

    pub(super) fn completed(
        &mut self,
        run: RunId,
        input: Input,
        views: Vec<TokenView>,
        info: RunInfo,
        read: Trace,
    ) {
        let report = RunReport {
            run,
            n_tokens: input.ids.len() as u32,
            n_reused: info.n_reused as u32,
            ms: info.ms,
            pattern_row_error: None,
        };
        self.last =
            Some(LastRun { run, input, views, report, is_checked: false, read, sent: None });
    }

    /// Whether the text is too long for keeping every map.
    fn leaves_maps_out(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| !loaded.session.keeps_patterns())
    }

    pub(super) fn report(&self) {
        if let Some(last) = &self.last {
            post(&FromWorker::Ran(last.report.clone()));
        }
    }

    /// The wall and the predictions of the last run.
    pub(super) async fn show(&mut self) {
        self.repaint().await;
        self.predict();
    }

    fn predict(&mut self) {
        let (Some(last), Some(loaded)) = (&self.last, &self.loaded) else { return };
        let logits = loaded.session.last_logits();
        if logits.is_empty() {
            return;
        }
        let top = sample::top_k(logits, N_TOP)
            .into_iter()
            .map(|id| candidate(loaded, id as u32, logits[id]))
            .collect();
        let position = last.report.n_tokens.saturating_sub(1);
        let predictions = Predictions { run: last.run, position, top };
        post_buffer(&FromWorker::Predictions(predictions), &Float32Array::from(logits).buffer());
    }

    /// The panels need something else of the last run.
    pub async fn answer_wants(&mut self) {
        let control = self.desk.begin();
        self.answer_with(&control).await;
    }

    pub(super) async fn answer_with(&mut self, control: &Control) {
        self.desk.answering_wants();
        let wants = self.desk.wants();
        if let (Some(playback), Some(job)) = (&self.playback, &self.job) {
            return playback.answer(job.run, &wants).await;
        }
        let (Some(last), Some(loaded)) = (&mut self.last, &mut self.loaded) else { return };
        let outcome = send_wants(last, loaded, wants, control).await;
        if let Err(err) = outcome
            && self.mend(&err).await
            && let Some(job) = self.job.clone()
        {
            self.desk.run_again(job);
        }
    }

    /// Continues the text.
    pub async fn generate(&mut self, job: GenerateJob) {
        let Some(last) = &mut self.last else {
            post(&FromWorker::Generated { run: job.run, end: GenerateEnd::Stopped });
            return;
        };
        (last.run, last.sent) = (job.run, None);
        // Should the text have to run again, it answers to the page's count.
        if let Some(text) = &mut self.job {
            text.run = job.run;
        }
        let control = self.desk.begin();
        let end = match self.stream(&job, &control).await {
            Ok(end) => end,
            Err(err) => {
                let again = self.mend(&err).await;
                if again && let Some(job) = self.job.clone() {
                    self.desk.run_again(job);
                }
                GenerateEnd::Stopped
            }
        };
        // Stopped or not: the panels show the last token that came.
        self.show().await;
        post(&FromWorker::Generated { run: job.run, end });
        self.answer_with(&self.desk.begin()).await;
    }

    async fn stream(
        &mut self,
        job: &GenerateJob,
        control: &Control,
    ) -> Result<GenerateEnd, ModelError> {
        let asked = job.sampling;
        let sampling = sample::Sampling {
            temperature: asked.temperature,
            top_k: asked.top_k as usize,
            top_p: asked.top_p,
        };
        let mut random = Random::from_seed(asked.seed);
        let (mut show_at, mut traced_at) = (js::now() + SHOW_EVERY_MS, js::now());
        for _ in 0..job.n_tokens {
            let (Some(last), Some(loaded)) = (&mut self.last, &mut self.loaded) else {
                return Ok(GenerateEnd::Stopped);
            };
            let logits = loaded.session.last_logits();
            if logits.is_empty() {
                let problem = "this model predicts no next token";
                return Err(ModelError::input("generation", problem));
            }
            if last.input.ids.len() >= loaded.session.spec().n_ctx {
                return Ok(GenerateEnd::Context);
            }
            let id = sample::sample(logits, &sampling, &mut random) as u32;
            if loaded.end_tokens.contains(&id) {
                return Ok(GenerateEnd::EndToken);
            }
            // The panels' hooks come with the token after which they are shown.
            let is_traced = js::now() - traced_at >= TRACE_EVERY_MS;
            let wants = if is_traced { self.desk.wants() } else { Wants::default() };
            let taps = taps_of(&points_of(&wants.hooks, loaded.session.spec()));
            let (info, read) = match loaded.session.next_reading(id, &taps, control).await {
                Err(err) if err.is_cancelled() => return Ok(GenerateEnd::Stopped),
                outcome => outcome?,
            };
            let piece = Piece { id, span: None, special: false, second: false };
            last.views.push(text::view(piece, loaded.tokenizer.bytes_of(id), true));
            last.input.ids.push(id);
            let (views, input) = (std::mem::take(&mut last.views), std::mem::take(&mut last.input));
            let message = FromWorker::Tokens { run: job.run, tokens: views, notice: None };
            post(&message);
            let FromWorker::Tokens { tokens: views, .. } = message else { continue };
            self.completed(job.run, input, views, info, read);
            self.report();
            let started = js::now();
            if started >= show_at {
                self.show().await;
                let took = js::now() - started;
                show_at = started + SHOW_EVERY_MS.max(took * (1.0 + REST_AFTER_SHOWING));
            }
            if is_traced {
                traced_at = js::now();
                self.answer_with(control).await;
            }
            if control.pause().await.is_err() {
                return Ok(GenerateEnd::Stopped);
            }
        }
        Ok(GenerateEnd::Length)
    }

    /// In a quiet moment, sums every row of every pattern: all should be 1.
    pub async fn check_rows(&mut self) {
        let control = self.desk.begin();
        let (Some(last), Some(loaded)) = (&mut self.last, &mut self.loaded) else { return };
        match loaded.session.pattern_row_error(&control).await {
            Ok(error) => {
                last.is_checked = true;
                last.report.pattern_row_error = error;
                post(&FromWorker::Ran(last.report.clone()));
            }
            // Something else came; it will be quiet again.
            Err(err) if err.is_cancelled() => {}
            Err(err) => {
                last.is_checked = true;
                self.mend(&err).await;
            }
        }
    }
}

async fn prepare(loaded: &Loaded, job: &RunJob) -> Result<Prepared, String> {
    let spec = loaded.session.spec();
    let keep_end = spec.causal;
    let (text, text_start) = text::clipped(&job.text, keep_end);
    let pair = job.pair.as_deref().map(|pair| text::clipped(pair, keep_end).0);
    let mut pieces = match loaded.chat.as_ref().filter(|_| !job.chat.is_empty()) {
        Some(template) => loaded.tokenizer.encode_chat(template, &job.chat).await?,
        None => loaded.tokenizer.encode(text, pair).await?,
    };
    let n_over = text::cut_to_context(&mut pieces, spec.n_ctx, keep_end);
    let notice = notice(spec, n_over, text_start > 0 || text.len() < job.text.len());
    let offset = text_start as u32;
    for piece in &mut pieces {
        if !piece.second {
            piece.span = piece.span.map(|(start, end)| (start + offset, end + offset));
        }
    }
    let has_pair = pieces.iter().any(|piece| piece.second) && spec.n_token_types > 1;
    let token_types = pieces.iter().map(|piece| u32::from(piece.second)).collect();
    let is_masked = |(at, piece): (usize, &Piece)| {
        !piece.special && job.masks.contains(&(at as u32)) && loaded.card.can_mask()
    };
    let masked: Vec<bool> = pieces.iter().enumerate().map(is_masked).collect();
    let seen = |(piece, &masked): (&Piece, &bool)| match loaded.card.mask_token {
        Some(mask) if masked => mask,
        _ => piece.id,
    };
    let input = Input {
        ids: pieces.iter().zip(&masked).map(seen).collect(),
        token_types: has_pair.then_some(token_types),
        attention_mask: None,
        source: None,
    };
    let views = pieces
        .into_iter()
        .zip(masked)
        .map(|(piece, masked)| {
            let view = text::view(piece, loaded.tokenizer.bytes_of(piece.id), false);
            TokenView { masked, ..view }
        })
        .collect();
    Ok(Prepared { input, views, notice })
}

/// What the visitor should know of a cut text.
pub(super) fn notice(spec: &ModelSpec, n_over: usize, is_clipped: bool) -> Option<String> {
    let side = if spec.causal { ("first", "last") } else { ("last", "first") };
    let kept = format!("the model reads the {} {} tokens", side.1, spec.n_ctx);
    match (n_over, is_clipped) {
        (0, false) => None,
        (n, false) => {
            Some(format!("Longer than the context: {kept}; the {} {n} are left out.", side.0))
        }
        (_, true) => Some(format!("Much longer than the context: {kept}; all else is left out.")),
    }
}

/// The points of these names that the model has.
fn points_of(names: &[String], spec: &ModelSpec) -> Vec<HookPoint> {
    names
        .iter()
        .filter_map(|name| HookPoint::parse(name))
        .filter(|point| {
            let stack = spec.of(*point).filter(|stack| stack.has(point.hook));
            stack.is_some_and(|stack| point.layer < stack.n_layers)
        })
        .collect()
}

/// Candidates that go with the predictions of a recorded run.
pub(super) const N_CANDIDATES: usize = N_TOP;
/// As many values of hooks are sent at once.
pub(super) const MAX_VALUES: usize = (MAX_TRACE_BYTES / 4) as usize;

pub(super) fn candidate(loaded: &Loaded, id: u32, logit: f32) -> Candidate {
    Candidate { id, text: visible(loaded.tokenizer.bytes_of(id)), logit }
}

/// All of each of these points.
fn taps_of(points: &[HookPoint]) -> Vec<Tap> {
    points.iter().map(|&point| Tap::of(point)).collect()
}

/// Sends what the panels want of a run and do not have yet.
async fn send_wants(
    last: &mut LastRun,
    loaded: &mut Loaded,
    wants: Wants,
    control: &Control,
) -> Result<(), ModelError> {
    let run = last.run;
    let sent = last.sent.take().unwrap_or_default();
    if wants.hooks != sent.hooks {
        let points = points_of(&wants.hooks, loaded.session.spec());
        send_trace(last, loaded, &points, control).await?;
    }
    let has_lens = wants.lens_at.is_none() || wants.lens_at == sent.lens_at;
    let has_losses = !wants.losses || sent.losses;
    let open = Wants {
        lens_at: wants.lens_at.filter(|_| !has_lens),
        losses: !has_losses,
        hooks: Vec::new(),
    };
    let done = Wants { losses: wants.losses || sent.losses, ..wants };
    send_predictions(run, loaded, &open, control).await?;
    last.sent = Some(done);
    Ok(())
}

/// Hooks: those that came with the run, the others read now.
async fn send_trace(
    last: &LastRun,
    loaded: &mut Loaded,
    points: &[HookPoint],
    control: &Control,
) -> Result<(), ModelError> {
    let had = points.iter().filter_map(|&point| last.read.get(point).cloned()).collect();
    let mut trace = Trace::new(had);
    let missing: Vec<_> =
        points.iter().copied().filter(|&point| trace.get(point).is_none()).collect();
    if !missing.is_empty() {
        let Some(others) = read(loaded, &missing, control).await? else { return Ok(()) };
        trace.extend(others);
    }
    if !points.is_empty() {
        let bytes = trace.to_safetensors(&BTreeMap::new())?;
        post_bytes(&FromWorker::Trace { run: last.run }, &bytes);
    }
    Ok(())
}

/// The lens and the losses, where they are wanted.
async fn send_predictions(
    run: RunId,
    loaded: &mut Loaded,
    wants: &Wants,
    control: &Control,
) -> Result<(), ModelError> {
    let n_tokens = loaded.session.tokens().len();
    let can_predict = loaded.session.spec().causal && loaded.session.spec().has_logits;
    if can_predict && (wants.losses || wants.lens_at.is_some()) {
        // These take a while; a canvas shows what was painted when the worker rests.
        js::sleep(MS_TO_SHOW).await;
    }
    if let Some(position) = wants.lens_at.filter(|_| can_predict && n_tokens > 0) {
        let position = (position as usize).min(n_tokens - 1);
        let rows = loaded.session.lens(position, N_LENS, control).await?;
        let rows = rows
            .into_iter()
            .map(|row| LensRow {
                hook: row.point.to_string(),
                top: row.top.iter().map(|&(id, p)| candidate(loaded, id, p)).collect(),
                entropy: row.entropy,
                rank_of_final: row.rank_of_final as u32,
                p_of_final: row.p_of_final,
            })
            .collect();
        post(&FromWorker::Lens { run, position: position as u32, rows });
    }
    if wants.losses && can_predict {
        let losses = loaded.session.token_losses(control).await?;
        post(&FromWorker::Losses { run, losses });
    }
    Ok(())
}

/// Reads hooks, unless they are more than the page could hold.
pub(super) async fn read(
    loaded: &mut Loaded,
    points: &[HookPoint],
    control: &Control,
) -> Result<Option<Trace>, ModelError> {
    let session = &mut loaded.session;
    let n_tokens = session.tokens().len();
    let n_values: usize =
        points.iter().map(|point| session.shape_of(*point).iter().product::<usize>()).sum();
    let n_bytes = n_values as u64 * 4;
    if n_bytes > MAX_TRACE_BYTES {
        fault(
            FaultPlace::Panel,
            format!(
                "{} hooks of {n_tokens} tokens are {}, more than the {} that are read at once",
                points.len(),
                megabytes(n_bytes),
                megabytes(MAX_TRACE_BYTES)
            ),
            "Shorten the text, or look at fewer layers.",
        );
        return Ok(None);
    }
    session.read(&taps_of(points), control).await.map(Some)
}
