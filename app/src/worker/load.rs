//! From a source to a model at work: fetch or open the files, check them, read the weights into
//! a fresh engine. The model that is loaded goes on working meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use vitrine_kernels::{Control, Engine, EngineError};
use vitrine_models::arch::LoadProgress as Progress;
use vitrine_models::session::Beams;
use vitrine_models::tokenize::chat::ChatTemplate;
use vitrine_models::tokenize::{SpecialIds, check_rows, tokenizer_json_from_gguf};
use vitrine_models::weights::{Checkpoint, GgufValue};
use vitrine_models::{Model, ModelError, Options, Session};
use wasm_bindgen::JsValue;

use super::cache::Shelf;
use super::cancel::{Stop, Ticket};
use super::card::{self, card};
use super::chat;
use super::engines::Engines;
use super::fetch::Fetcher;
use super::gather::Gathered;
use super::js;
use super::masked;
use super::memory::{self, Fit};
use super::pair;
use super::playback::Playback;
use super::post::{fault, post};
use super::rate::Rate;
use super::site::SiteIndex;
use super::source::BlobSource;
use super::text::shown_title;
use super::tokenizer::{Tokenizer, TokenizerHost};
use crate::protocol::{Fault, FaultPlace, FromWorker, LoadProgress, ModelCard, ModelSource};

/// What to do about most broken files.
const ADVICE: &str = "The model that was loaded is still there. Open another file, or take a \
                      model of the list.";

/// What loads need, shared by all of them.
pub(super) struct Loader {
    /// Makes the engine.
    pub engines: Rc<Engines>,
    /// The tokenizer's module.
    pub tokenizers: Rc<TokenizerHost>,
    /// Bytes that the loaded model holds.
    pub held: Cell<u64>,
    pub(super) fetcher: Fetcher,
    pub(super) shelf: RefCell<Option<Rc<Shelf>>>,
    pub(super) site: RefCell<Option<Rc<SiteIndex>>>,
}

/// A model at work.
pub(super) struct Loaded {
    /// It runs here.
    pub session: Session,
    /// Its tokenizer.
    pub tokenizer: Rc<Tokenizer>,
    /// Its files: to load it into another engine.
    pub gathered: Gathered,
    /// What the page is told.
    pub card: ModelCard,
    /// Tokens after which a text is complete.
    pub end_tokens: Vec<u32>,
    /// How the model wants conversations written, if it says so.
    pub chat: Option<ChatTemplate>,
    /// How an encoder–decoder's target is searched for.
    pub rules: Beams,
    /// Sentences that were embedded already.
    pub embeddings: HashMap<String, Vec<f32>>,
}

/// What files hold.
pub(super) enum Arrival {
    /// A model, ready to run.
    Model(Box<Loaded>),
    /// A run that was recorded elsewhere.
    Run(Box<Playback>),
}

impl Loader {
    /// A loader that has loaded nothing.
    pub fn new(engines: Rc<Engines>, tokenizers: Rc<TokenizerHost>) -> Self {
        Self {
            engines,
            tokenizers,
            held: Cell::new(0),
            fetcher: Fetcher::default(),
            shelf: RefCell::default(),
            site: RefCell::default(),
        }
    }

    /// Tells the page which models lie beside it.
    pub async fn offer(&self) {
        let shelf = self.shelf().await;
        let site = match self.site(&Ticket::default()).await {
            Ok(site) => site,
            Err(stop) => {
                if let Stop::Fault(Fault { what, advice, .. }) = stop {
                    fault(FaultPlace::Model, what, advice);
                }
                Rc::default()
            }
        };
        let mut offers = Vec::new();
        for model in &site.models {
            offers.push(model.offer(shelf.has_all(&model.cache_keys()).await));
        }
        post(&FromWorker::Models(offers));
    }

    /// Gets the files and loads them. `release` frees the loaded model, where there is no room
    /// for both.
    pub async fn load(
        &self,
        source: ModelSource,
        attachment: &JsValue,
        control: &Control,
        ticket: &Ticket,
        release: impl AsyncFnOnce(),
    ) -> Result<Arrival, Stop> {
        let gathered = self.gather(source, attachment, ticket).await?;
        if let Some(playback) = Playback::open(&gathered).await? {
            return Ok(Arrival::Run(Box::new(playback)));
        }
        let checkpoint = open(&gathered).await?;
        let loaded = self.prepare(gathered, &checkpoint, control, ticket, release).await;
        // What the file says of itself is shown even where no architecture here can run it.
        let loaded = loaded.map_err(|stop| match stop {
            Stop::Fault(fault) => Stop::Fault(Fault { facts: card::config(&checkpoint), ..fault }),
            Stop::Cancelled => Stop::Cancelled,
        })?;
        Ok(Arrival::Model(Box::new(loaded)))
    }

    /// From an open checkpoint to a session.
    async fn prepare(
        &self,
        gathered: Gathered,
        checkpoint: &Checkpoint<BlobSource>,
        control: &Control,
        ticket: &Ticket,
        release: impl AsyncFnOnce(),
    ) -> Result<Loaded, Stop> {
        let tokenizer = self.tokenizer(checkpoint).await?;
        ticket.check()?;
        self.make_room(checkpoint, release).await?;
        let engine = self.engines.make().await.map_err(engine_fault)?;
        let mut rate = Rate::default();
        let tell = |at: Progress| {
            if rate.note(js::now(), at.done) && ticket.check().is_ok() {
                post(&FromWorker::Progress(LoadProgress {
                    stage: "Reading the weights".to_owned(),
                    received: at.done,
                    total: Some(at.total),
                    rate: rate.per_second(),
                }));
            }
        };
        let session = weigh_in(engine, checkpoint, control, ticket, tell).await?;
        check_vocabulary(&session, &tokenizer)?;
        finish(session, Rc::new(tokenizer), gathered, checkpoint).await
    }

    /// The same model in another engine.
    pub async fn reload(
        &self,
        engine: Engine,
        gathered: &Gathered,
        tokenizer: &Rc<Tokenizer>,
        control: &Control,
    ) -> Result<Loaded, Stop> {
        let checkpoint = open(gathered).await?;
        let session = weigh_in(engine, &checkpoint, control, &Ticket::default(), |_| ()).await?;
        finish(session, Rc::clone(tokenizer), gathered.clone(), &checkpoint).await
    }

    async fn tokenizer(&self, checkpoint: &Checkpoint<BlobSource>) -> Result<Tokenizer, Stop> {
        tell_stage("Reading the tokenizer");
        let (file, json) = tokenizer_json(checkpoint).await.map_err(model_fault)?;
        let loaded = Tokenizer::load(Rc::clone(&self.tokenizers), &file, &json).await;
        Ok(loaded.map_err(|what| Fault::new(FaultPlace::Model, what, ADVICE))?)
    }

    async fn make_room(
        &self,
        checkpoint: &Checkpoint<BlobSource>,
        release: impl AsyncFnOnce(),
    ) -> Result<(), Stop> {
        let weights = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).sum();
        let navigator = js::get(&js_sys::global(), "navigator");
        let device = js::get(&navigator, "deviceMemory").as_f64();
        let device = device.map(|gib| (gib * f64::from(1 << 30)) as u64);
        match memory::judge(weights, self.held.get(), device, self.engines.is_gpu()) {
            Fit::Beside => Ok(()),
            Fit::Instead => {
                tell_stage("Freeing the loaded model: there is no room for both");
                release().await;
                Ok(())
            }
            Fit::Never(why) => Err(Fault::new(
                FaultPlace::Model,
                format!("{} does not fit into memory: {why}", checkpoint.name()),
                "Take a smaller model, or one with fewer bits a weight (Q8_0, Q4_0). The \
                 model that was loaded is still there.",
            )
            .into()),
        }
    }
}

/// Reads the weights into an engine and starts a session.
async fn weigh_in(
    mut engine: Engine,
    checkpoint: &Checkpoint<BlobSource>,
    control: &Control,
    ticket: &Ticket,
    mut tell: impl FnMut(Progress),
) -> Result<Session, Stop> {
    let mut progress = |at: Progress| {
        if ticket.check().is_err() {
            control.cancel();
        }
        tell(at);
    };
    let model = match Model::load(&mut engine, checkpoint, control, &mut progress).await {
        Ok(model) => model,
        Err(err) => {
            engine.clear();
            return Err(load_stop(err));
        }
    };
    let options = Options::live(model.spec());
    Session::new(engine, model, options).map_err(load_stop)
}

async fn open(gathered: &Gathered) -> Result<Checkpoint<BlobSource>, Stop> {
    Ok(Checkpoint::open(gathered.files.clone()).await.map_err(model_fault)?)
}

async fn finish(
    session: Session,
    tokenizer: Rc<Tokenizer>,
    gathered: Gathered,
    checkpoint: &Checkpoint<BlobSource>,
) -> Result<Loaded, Stop> {
    let mut card = card(&session, &gathered, &own_title(checkpoint));
    card::describe(&mut card, &session, checkpoint, &tokenizer).await.map_err(model_fault)?;
    card.mask_token = masked::mask_token(&tokenizer);
    let end_tokens = end_tokens(checkpoint, tokenizer.n_ids()).await.map_err(model_fault)?;
    let chat = chat::template(checkpoint, &tokenizer).await.map_err(model_fault)?;
    card.has_chat = chat.is_some();
    let rules = pair::rules(checkpoint, &end_tokens).await.map_err(model_fault)?;
    let embeddings = HashMap::new();
    Ok(Loaded { session, tokenizer, gathered, card, end_tokens, chat, rules, embeddings })
}

/// The tokens that end a text, as the files name them.
async fn end_tokens(
    checkpoint: &Checkpoint<BlobSource>,
    n_ids: usize,
) -> Result<Vec<u32>, ModelError> {
    const GENERATION: &str = "generation_config.json";
    if let Some(metadata) = checkpoint.gguf_metadata() {
        return Ok(SpecialIds::from_gguf(checkpoint.name(), metadata, n_ids)?.eos);
    }
    if let Some(fields) = checkpoint.side_json(GENERATION).await? {
        let special = SpecialIds::from_config(GENERATION, &fields, n_ids)?;
        if !special.eos.is_empty() {
            return Ok(special.eos);
        }
    }
    match checkpoint.config_json() {
        Some(fields) => Ok(SpecialIds::from_config(checkpoint.name(), fields, n_ids)?.eos),
        None => Ok(Vec::new()),
    }
}

/// What the files call the model.
fn own_title(checkpoint: &Checkpoint<BlobSource>) -> String {
    let from_gguf = checkpoint
        .gguf_metadata()
        .and_then(|metadata| metadata.get("general.name"))
        .and_then(GgufValue::as_str);
    let from_json = || {
        let path = checkpoint.config_json()?.get("_name_or_path")?.as_str()?;
        path.rsplit('/').next()
    };
    // Of files that give it no name, the architecture says more than the name of one of them.
    let kind = || checkpoint.config_json()?.get("model_type")?.as_str();
    let title = from_gguf.or_else(from_json).filter(|title| !title.trim().is_empty());
    shown_title(title.or_else(kind).unwrap_or(checkpoint.name()))
}

/// The file and the text that cuts into tokens: tokenizer.json, or what a GGUF holds of it.
async fn tokenizer_json(
    checkpoint: &Checkpoint<BlobSource>,
) -> Result<(String, String), ModelError> {
    if let Some(json) = checkpoint.tokenizer_file().await? {
        return Ok(("tokenizer.json".to_owned(), json));
    }
    match checkpoint.gguf_metadata() {
        Some(metadata) => {
            let json = tokenizer_json_from_gguf(checkpoint.name(), metadata)?;
            Ok((checkpoint.name().to_owned(), json))
        }
        None => Err(ModelError::WrongKind {
            file: "the selection".to_owned(),
            found: "a model without tokenizer.json".to_owned(),
            advice: "Add the tokenizer.json of the same model".to_owned(),
        }),
    }
}

/// Refuses a tokenizer with ids that the model has no embedding for.
fn check_vocabulary(session: &Session, tokenizer: &Tokenizer) -> Result<(), Fault> {
    let (n_ids, d_vocab) = (tokenizer.n_ids(), session.spec().d_vocab);
    match check_rows(session.model().name(), n_ids, d_vocab) {
        Ok(_n_padding) => Ok(()),
        Err(err) => Err(Fault::new(
            FaultPlace::Model,
            format!("{err}: they belong to different models"),
            "Take the tokenizer.json that lies beside these weights.",
        )),
    }
}

/// Tells what goes on, without a number.
pub(super) fn tell_stage(stage: &str) {
    post(&FromWorker::Progress(LoadProgress {
        stage: stage.to_owned(),
        received: 0,
        total: None,
        rate: 0.0,
    }));
}

/// How a load ends after an error of the models' crate.
fn load_stop(err: ModelError) -> Stop {
    if err.is_cancelled() { Stop::Cancelled } else { Stop::Fault(model_fault(err)) }
}

/// An error of opening an engine.
pub(super) fn engine_fault(err: EngineError) -> Fault {
    let advice = "Choose the CPU engine, or reload the page.";
    Fault::new(FaultPlace::Engine, err.to_string(), advice)
}

/// An error of the models' crate, for the model picker.
pub(super) fn model_fault(err: ModelError) -> Fault {
    let advice = match &err {
        ModelError::Engine(EngineError::OutOfMemory { .. }) | ModelError::Memory { .. } => {
            "Close other tabs, or take a smaller model. The model that was loaded is still there."
        }
        ModelError::WrongKind { .. } => "The model that was loaded is still there.",
        _ => ADVICE,
    };
    Fault::new(FaultPlace::Model, err.to_string(), advice)
}
