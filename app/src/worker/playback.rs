//! A recorded run in place of a model: the page asks as it always does, and the answers are read
//! from the file. The model that was loaded stays, and comes back when the run is closed.

use std::collections::BTreeMap;

use js_sys::Float32Array;
use vitrine_models::hook::{Hook, Stack, matches_glob};
use vitrine_models::recorded::{Recorded, Sizes, TextTokens, is_recorded};
use vitrine_models::tokenize::visible;
use vitrine_models::weights::ByteSource;
use vitrine_models::weights::safetensors::read_header;
use vitrine_models::{HookPoint, ModelError, Trace, sample};

use super::cancel::Stop;
use super::errands::{file_stem, json_list};
use super::gather::Gathered;
use super::load::model_fault;
use super::post::{fault, post, post_buffer, post_bytes};
use super::run::{MAX_VALUES, N_CANDIDATES};
use super::source::BlobSource;
use super::studio::Studio;
use super::text::{shown_title, shown_words};
use super::wall::pixels::Thumbnails;
use crate::protocol::{
    Attention, Candidate, FaultPlace, FromWorker, ModelCard, Predictions, RecordedFacts, RunId,
    RunReport, TokenView, Wants,
};

/// Values of all patterns, above which the wall stays empty.
const MAX_WALL: usize = 1 << 25;

/// A recorded run at work.
pub(super) struct Playback {
    run: Recorded<BlobSource>,
    card: ModelCard,
    views: Vec<TokenView>,
    /// Of an encoder–decoder the tokens of the source.
    source: Option<Vec<TokenView>>,
    /// Largest |row sum − 1| of the patterns in the file.
    row_error: Option<f32>,
}

impl Playback {
    /// The recorded run that a file holds; `None` if it is none.
    pub async fn open(gathered: &Gathered) -> Result<Option<Self>, Stop> {
        let [file] = gathered.files.as_slice() else { return Ok(None) };
        // What is wrong with files of other kinds is said when they are opened as a model.
        let header = match read_header(file).await {
            Ok(header) => header,
            Err(ModelError::WrongKind { .. }) => return Ok(None),
            Err(err) if file.name().ends_with(".safetensors") => {
                return Err(model_fault(err).into());
            }
            Err(_) => return Ok(None),
        };
        if !is_recorded(header.tensors.iter().map(|tensor| tensor.name.as_str())) {
            return Ok(None);
        }
        let run = Recorded::open(file.clone()).await.map_err(model_fault)?;
        Ok(Some(Self::of(run, gathered).await.map_err(model_fault)?))
    }

    /// Whether it is of an encoder and a decoder.
    pub fn is_pair(&self) -> bool {
        self.source.is_some()
    }

    async fn of(run: Recorded<BlobSource>, gathered: &Gathered) -> Result<Self, ModelError> {
        let views = views(&run.text, run.sizes.n_tokens);
        let source = run.encoder.map(|sizes| self::views(&run.source_text, sizes.n_tokens));
        let mut playback = Self { card: ModelCard::default(), views, source, run, row_error: None };
        let (causal, notes) = playback.look().await?;
        playback.card = playback.describe(gathered, causal, notes);
        Ok(playback)
    }

    /// Reads everything once: whether any token sees later ones, and what the visitor should know.
    async fn look(&mut self) -> Result<(bool, Vec<String>), ModelError> {
        let (mut notes, mut causal, mut n_broken, mut first) = (Vec::new(), true, 0, None);
        let points = self.run.points();
        for &point in points.iter().filter(|point| self.run.n_values(**point) <= MAX_VALUES) {
            let tensor = self.run.read(point).await?;
            // Scores are −∞ where they are masked.
            let is_whole = |value: &f32| {
                let is_scores = matches!(point.hook, Hook::AttnScores | Hook::CrossScores);
                value.is_finite() || is_scores && *value == f32::NEG_INFINITY
            };
            let n = tensor.values.iter().filter(|value| !is_whole(value)).count();
            if n > 0 {
                n_broken += n;
                first.get_or_insert(point);
            }
            if matches!(point.hook, Hook::Pattern | Hook::CrossPattern) {
                // An encoder and what looks at it see all of the source.
                let is_own = point.hook == Hook::Pattern && point.stack == self.run.main_stack();
                let n_cols = tensor.shape.last().copied().unwrap_or(1);
                for (at, row) in tensor.values.chunks_exact(n_cols).enumerate() {
                    let is_blind = |at: usize| row[at + 1..].iter().all(|&share| share == 0.0);
                    causal &= !is_own || is_blind(at % n_cols);
                    let error = (row.iter().sum::<f32>() - 1.0).abs();
                    let worst = self.row_error.unwrap_or(0.0);
                    // A NaN stays: f32::max would drop it.
                    let is_lost = worst.is_nan() || error.is_nan();
                    self.row_error = Some(if is_lost { f32::NAN } else { worst.max(error) });
                }
            }
        }
        if let Some(first) = first {
            notes.push(format!(
                "{n_broken} values are not finite, the first in {first}: they are drawn hatched."
            ));
        }
        let stack = self.run.main_stack();
        let has =
            |hook: Hook, layer: usize| self.run.has(HookPoint::layer(hook, layer).in_stack(stack));
        // A decoder without attention of its own has that to the source.
        let maps = if stack == Stack::Only { Hook::Pattern } else { Hook::CrossPattern };
        let lacking: Vec<String> = (0..self.run.sizes.n_layers)
            .filter(|&layer| !has(maps, layer))
            .map(|layer| layer.to_string())
            .collect();
        if !lacking.is_empty() {
            let layers = shown_words(&lacking.join(", "), 60);
            notes.push(format!("No {} in the file for layers {layers}.", maps.name()));
        }
        let (n_others, names) = &self.run.others;
        if *n_others > 0 {
            let names = shown_words(&names.join(", "), 120);
            notes.push(format!("{n_others} tensors are not named like hooks: {names}."));
        }
        if self.run.text.words.is_none()
            || self.run.encoder.is_some() && self.run.source_text.words.is_none()
        {
            notes.push("The file does not say the tokens' texts.".to_owned());
        }
        Ok((causal, notes))
    }

    fn describe(&self, gathered: &Gathered, causal: bool, notes: Vec<String>) -> ModelCard {
        let (run, sizes) = (&self.run, self.run.sizes);
        let points = run.points();
        let has = |hook: Hook| points.iter().any(|point| point.hook == hook);
        let title = shown_title(run.model.as_deref().unwrap_or(run.name()));
        ModelCard {
            title: format!("{title} (recorded)"),
            source: Some(gathered.source.clone()),
            architecture: "a recorded run".to_owned(),
            causal,
            // Nobody says which norm it was; without means only scales can be shown.
            rms_norm: !points.iter().any(|point| point.hook.is_mean()),
            post_norm: has(Hook::NormalizedResidPost),
            gated_mlp: has(Hook::MlpPreLinear),
            files: gathered.facts.clone(),
            hooks: points.iter().map(ToString::to_string).collect(),
            recorded: Some(RecordedFacts { has_ids: run.text.ids.is_some(), notes }),
            encoder: run.encoder.map(|sizes| Box::new(shape(sizes))),
            ..shape(sizes)
        }
    }

    /// Answers a run: what a model would answer, as far as the file has it.
    async fn play(&self, run: RunId) -> Result<(), ModelError> {
        if let Some(tokens) = &self.source {
            post(&FromWorker::Source { run, tokens: tokens.clone(), notice: None });
        }
        post(&FromWorker::Tokens { run, tokens: self.views.clone(), notice: None });
        let report = RunReport {
            run,
            n_tokens: self.views.len() as u32,
            pattern_row_error: self.row_error,
            ..RunReport::default()
        };
        post(&FromWorker::Ran(report));
        let logits = HookPoint::model(Hook::Logits);
        if self.run.has(logits) {
            let position = self.views.len() - 1;
            let values = self.run.read_row(logits, position).await?;
            let top = sample::top_k(&values, N_CANDIDATES);
            let predictions = Predictions {
                run,
                position: position as u32,
                top: top.into_iter().map(|id| self.candidate(id, values[id])).collect(),
            };
            let buffer = Float32Array::from(values.as_slice()).buffer();
            post_buffer(&FromWorker::Predictions(predictions), &buffer);
        }
        Ok(())
    }

    fn candidate(&self, id: usize, logit: f32) -> Candidate {
        let known = self.run.vocabulary.as_ref().and_then(|all| all.get(id));
        let text = known.map_or_else(|| format!("#{id}"), |text| visible(text.as_bytes()));
        Candidate { id: id as u32, text, logit }
    }

    /// Sends the hooks that the panels want, and losses where logits and ids are there.
    pub async fn answer(&self, run: RunId, wants: &Wants) {
        let outcome = async {
            let points: Vec<HookPoint> =
                wants.hooks.iter().filter_map(|name| HookPoint::parse(name)).collect();
            let trace = self.read(&points).await?;
            post_bytes(&FromWorker::Trace { run }, &trace.to_safetensors(&BTreeMap::new())?);
            if wants.losses {
                let losses = self.losses().await?;
                post(&FromWorker::Losses { run, losses });
            }
            Ok::<_, ModelError>(())
        };
        tell(outcome.await);
    }

    async fn losses(&self) -> Result<Vec<Option<f32>>, ModelError> {
        let logits = HookPoint::model(Hook::Logits);
        let Some(ids) = self.run.text.ids.as_ref().filter(|_| self.run.has(logits)) else {
            return Ok(Vec::new());
        };
        let mut losses = vec![None; ids.len()];
        for (at, &id) in ids.iter().enumerate().skip(1) {
            let row = self.run.read_row(logits, at - 1).await?;
            let is_known = (id as usize) < row.len();
            losses[at] = is_known.then(|| sample::cross_entropy(&row, id as usize));
        }
        Ok(losses)
    }

    /// The hooks of these that the file has.
    async fn read(&self, points: &[HookPoint]) -> Result<Trace, ModelError> {
        let points: Vec<_> = points.iter().filter(|point| self.run.has(**point)).collect();
        let n_values: usize = points.iter().map(|point| self.run.n_values(**point)).sum();
        if n_values > MAX_VALUES {
            let problem =
                format!("{n_values} values are more than the {MAX_VALUES} that are read at once");
            return Err(ModelError::input("hooks", problem));
        }
        let mut tensors = Vec::new();
        for &&point in &points {
            tensors.push(self.run.read(point).await?);
        }
        Ok(Trace::new(tensors))
    }

    /// Hooks of the run as a file.
    pub async fn export(&self, globs: &[String]) {
        let points = self.run.points();
        let is_asked = |name: &str| globs.iter().any(|glob| matches_glob(glob, name));
        let points: Vec<_> =
            points.into_iter().filter(|point| is_asked(&point.to_string())).collect();
        if points.is_empty() {
            let what = format!("The recorded run has no hook that matches {}", globs.join(", "));
            fault(FaultPlace::Panel, what, "Export another panel.");
            return;
        }
        let mut metadata = BTreeMap::from([("model".to_owned(), self.card.title.clone())]);
        let names = [["tokens", "token_ids"], ["source_tokens", "source_token_ids"]];
        for (text, [of_words, of_ids]) in
            [&self.run.text, &self.run.source_text].into_iter().zip(names)
        {
            if let Some(ids) = &text.ids {
                metadata.insert(of_ids.to_owned(), format!("{ids:?}"));
            }
            if let Some(words) = &text.words {
                metadata.insert(of_words.to_owned(), json_list(words.iter().map(String::as_str)));
            }
        }
        let outcome = async {
            let bytes = self.read(&points).await?.to_safetensors(&metadata)?;
            let file_name = format!("{}.safetensors", file_stem(&self.card.title));
            post_bytes(&FromWorker::Exported { file_name }, &bytes);
            Ok(())
        };
        tell(outcome.await);
    }

    /// All patterns of an attention, for its wall; zeros where the file has none.
    pub async fn thumbnails(&self, of: Attention) -> Option<Thumbnails> {
        let (own, encoder) = (self.run.sizes, self.run.encoder.unwrap_or_default());
        let (sizes, n_cols, stack, hook) = match of {
            Attention::Own => (own, own.n_tokens, Stack::Only, Hook::Pattern),
            Attention::Encoder => (encoder, encoder.n_tokens, Stack::Encoder, Hook::Pattern),
            Attention::Decoder => (own, own.n_tokens, Stack::Decoder, Hook::Pattern),
            Attention::Cross => (own, encoder.n_tokens, Stack::Decoder, Hook::CrossPattern),
        };
        let n_rows = sizes.n_tokens;
        let n_of_layer = sizes.n_heads * n_rows * n_cols;
        if n_of_layer == 0 || n_of_layer * sizes.n_layers > MAX_WALL {
            return None;
        }
        let mut values = Vec::with_capacity(n_of_layer * sizes.n_layers);
        for layer in 0..sizes.n_layers {
            let point = HookPoint::layer(hook, layer).in_stack(stack);
            if self.run.has(point) {
                values.extend_from_slice(&self.run.read(point).await.ok()?.values);
            } else {
                values.resize(values.len() + n_of_layer, 0.0);
            }
        }
        Some(Thumbnails { n_rows, n_cols, block: 1, values })
    }
}

/// What goes wrong is said where the panels are.
fn tell(outcome: Result<(), ModelError>) {
    if let Err(err) = outcome {
        fault(FaultPlace::Panel, err.to_string(), "Open the file again, or record the run anew.");
    }
}

/// What a card says of one stack's sizes.
fn shape(sizes: Sizes) -> ModelCard {
    let n_heads = sizes.n_heads.max(1);
    ModelCard {
        n_layers: sizes.n_layers.max(1) as u32,
        n_heads: n_heads as u32,
        n_kv_heads: if sizes.n_kv_heads > 0 { sizes.n_kv_heads } else { n_heads } as u32,
        d_model: sizes.d_model as u32,
        d_head: sizes.d_head as u32,
        attn_scale: 1.0 / (sizes.d_head.max(1) as f32).sqrt(),
        d_mlp: sizes.d_mlp as u32,
        n_ctx: sizes.n_tokens as u32,
        d_vocab: sizes.d_vocab as u32,
        ..ModelCard::default()
    }
}

/// The tokens as the file has them. Without ids, equal texts count as equal tokens.
fn views(text: &TextTokens, n_tokens: usize) -> Vec<TokenView> {
    let texts = text.words.as_ref();
    (0..n_tokens)
        .map(|at| {
            let word = texts.and_then(|texts| texts.get(at)).cloned();
            let first =
                || texts.and_then(|all| all.iter().position(|one| Some(one) == word.as_ref()));
            let id = match &text.ids {
                Some(ids) => ids[at],
                None => first().unwrap_or(at) as u32,
            };
            TokenView {
                id,
                text: word
                    .as_ref()
                    .map_or_else(|| format!("{at}"), |word| visible(word.as_bytes())),
                bytes: word.unwrap_or_default().into_bytes(),
                span: None,
                special: false,
                generated: false,
                second: false,
                masked: false,
            }
        })
        .collect()
}

impl Studio {
    /// Shows a recorded run; the model waits.
    pub async fn open_recorded(&mut self, playback: Box<Playback>) {
        self.last = None;
        self.weights = None;
        post(&FromWorker::Loaded(Box::new(playback.card.clone())));
        self.playback = Some(playback);
        // Its maps lie here, wherever the engine keeps its own.
        self.walls.leave_engine(false);
        self.repaint().await;
    }

    /// Goes back to the model.
    pub async fn close_recorded(&mut self) {
        self.playback = None;
        match &self.loaded {
            Some(loaded) => {
                post(&FromWorker::Loaded(Box::new(loaded.card.clone())));
                self.walls.leave_engine(self.loader.engines.is_gpu());
                self.repaint().await;
            }
            None => fault(
                FaultPlace::Model,
                "No model was loaded before the recorded run",
                "Choose one of the list, or open one from your disk.",
            ),
        }
    }

    /// Answers a run from the file.
    pub async fn play(&mut self, run: RunId) {
        let Some(playback) = &self.playback else { return };
        tell(playback.play(run).await);
        self.repaint().await;
        self.answer_wants().await;
    }
}
