//! Everything that can be chosen on the page, as one value that is kept in the URL's hash
//! (`#t=The+fox&l=3&h=5`), so that a link shows what its sender saw and the browser's back button
//! undoes. What comes from a URL is hostile: it is capped in length and read into numbers,
//! enums and short checked names, and what does not fit is left at its default.

mod room;
mod text;
mod words;

use crate::format;
use crate::lens::lab::knobs::Choice;
use crate::lens::lab::presets::{PRESETS, Preset};
use crate::protocol::{EngineChoice, ModelSource, Sampling};
pub use room::{RoomState, place as room_place, text_of_word, word_of_text};
use text::{capped, decode, encode, fraction, number};
pub use words::{
    AlignOf, Attending, Average, Corpus, HeadView, PairFilter, Place, Stage, Tab, Theme, WallSort,
};

/// Longest hash that is read.
pub const MAX_HASH_BYTES: usize = 32 * 1024;
/// Longest text that goes into the hash; a longer one stays in the tab's session storage.
pub const MAX_TEXT_BYTES: usize = 4 * 1024;
/// Most turns before the last of a conversation; as many of the user as of the assistant.
pub const MAX_SAID: usize = 32;
/// Most tokens that are masked at once.
pub const MAX_MASKS: usize = 512;
/// Most hypotheses side by side.
pub const MAX_BEAMS: u32 = 8;
/// What is typed already when nobody has typed yet.
pub const FIRST_TEXT: &str = "The quick brown fox jumps over the lazy dog";

/// The page's choices.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlState {
    /// Which part of Vitrine is shown.
    pub place: Place,
    /// What the Lab's next run is asked for; none before the Lab was opened.
    pub lab: Option<Choice>,
    /// The text that it trains on, where it trains on one.
    pub corpus: Corpus,
    /// Which room, and what was chosen there.
    pub room: RoomState,
    /// What was typed.
    pub text: String,
    /// Second text of a pair.
    pub pair: Option<String>,
    /// Tokens that are masked, in order (models that fill masks).
    pub masks: Vec<u32>,
    /// What the system says, where the text is shown as a conversation.
    pub system: Option<String>,
    /// What was said before the text in that conversation: the user, the assistant, and so on.
    pub said: Vec<String>,
    /// Which model; the first offer if none.
    pub model: Option<ModelSource>,
    /// Which engine.
    pub engine: EngineChoice,
    /// The pinned layer.
    pub layer: u16,
    /// The pinned head.
    pub head: u16,
    /// The pinned query token.
    pub query: Option<u32>,
    /// The pinned key token.
    pub key: Option<u32>,
    /// Step of attention.
    pub stage: Stage,
    /// Grid or lines.
    pub view: HeadView,
    /// What is averaged.
    pub average: Average,
    /// Whether the first token's column is left out.
    pub hide_sink: bool,
    /// Which sentence of a pair looks at which.
    pub pairs: PairFilter,
    /// What was typed as target; the model writes it if none (encoder–decoders).
    pub target: Option<String>,
    /// Hypotheses side by side while it writes.
    pub beams: u8,
    /// Which attention of an encoder–decoder is shown.
    pub attending: Attending,
    /// What the alignment is the mean of.
    pub align: AlignOf,
    /// Lines below this are not drawn, in hundredths.
    pub threshold: u8,
    /// Order of the wall.
    pub sort: WallSort,
    /// The panel at the foot.
    pub tab: Tab,
    /// Whether the norms are shown after rather than before.
    pub norms_after: bool,
    /// The matrix of the weights, as [`crate::lens::weights::Choice::key`]; the first if none fits.
    pub matrix: String,
    /// First row and column of the part of it (or of the table of positions) that is shown.
    pub cells: (u32, u32),
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Paper or night.
    pub theme: Theme,
}

impl Default for UrlState {
    fn default() -> Self {
        Self {
            place: Place::Explorer,
            lab: None,
            corpus: Corpus::Toy,
            room: RoomState::default(),
            text: FIRST_TEXT.into(),
            pair: None,
            masks: Vec::new(),
            system: None,
            said: Vec::new(),
            model: None,
            engine: EngineChoice::Auto,
            layer: 0,
            head: 0,
            query: None,
            key: None,
            stage: Stage::Pattern,
            view: HeadView::Grid,
            average: Average::None,
            hide_sink: false,
            pairs: PairFilter::All,
            target: None,
            beams: 1,
            attending: Attending::Cross,
            align: AlignOf::All,
            threshold: 10,
            sort: WallSort::Layer,
            tab: Tab::First,
            norms_after: false,
            matrix: String::new(),
            cells: (0, 0),
            sampling: Sampling::default(),
            theme: Theme::Auto,
        }
    }
}

impl UrlState {
    /// Reads a hash, with or without its `#`. Never fails.
    pub fn from_hash(hash: &str) -> Self {
        let mut state = Self::default();
        let hash = hash.strip_prefix('#').unwrap_or(hash);
        if hash.len() > MAX_HASH_BYTES {
            return state;
        }
        for pair in hash.split('&') {
            if let Some((name, value)) = pair.split_once('=') {
                state.set(name, &decode(value));
            }
        }
        match (state.place, &state.lab) {
            (Place::Lab, None) => state.lab = PRESETS.first().map(Preset::choice),
            (Place::Lab, Some(_)) => {}
            (Place::Home | Place::Explorer | Place::Room, _) => state.lab = None,
        }
        if state.place != Place::Room {
            state.room = RoomState::default();
        }
        if !state.lab.as_ref().is_some_and(Choice::is_text) {
            state.corpus = Corpus::Toy;
        }
        // The text is the user's turn.
        let n_whole = state.said.len() / 2 * 2;
        state.said.truncate(n_whole);
        state
    }

    /// The conversation that the text is shown as; none if it is shown as it is.
    pub fn turns(&self) -> Vec<(String, String)> {
        let Some(system) = &self.system else { return Vec::new() };
        let system =
            Some(("system".to_owned(), system.clone())).filter(|(_, words)| !words.is_empty());
        let roles = ["user", "assistant"].into_iter().cycle();
        let said = self.said.iter().chain([&self.text]).cloned();
        system.into_iter().chain(roles.map(str::to_owned).zip(said)).collect()
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "p" => match RoomState::from_place(value) {
                Some(room) => {
                    self.place = Place::Room;
                    self.room.number = room;
                }
                None => {
                    let place = Place::from_word(value).unwrap_or_default();
                    self.place = if place == Place::Room { Place::Home } else { place };
                }
            },
            "step" => self.room.step = number(value, 0, 1 << 20).unwrap_or_default(),
            "present" => self.room.presented = number(value, 0, 99),
            name if name.starts_with(room::PREFIX) => {
                self.room.turn(&name[room::PREFIX.len()..], value);
            }
            "corpus" => {
                self.corpus = Corpus::from_word(value).unwrap_or_default();
                self.lab.get_or_insert_default();
            }
            name if name.contains('.') => {
                let mut choice = self.lab.clone().unwrap_or_default();
                if choice.set_from_hash(name, value) {
                    self.lab = Some(choice);
                }
            }
            "t" => self.text = capped(value),
            "t2" => self.pair = Some(capped(value)),
            "chat" => self.system = Some(capped(value)),
            "said" if self.said.len() < MAX_SAID => self.said.push(capped(value)),
            "mask" => self.masks = masks_from_text(value),
            "m" => self.model = model_from_text(value),
            "engine" => match value {
                "gpu" => self.engine = EngineChoice::Gpu,
                "cpu" => self.engine = EngineChoice::Cpu,
                _ => {}
            },
            "l" => self.layer = number(value, 0, 1023).unwrap_or(self.layer),
            "h" => self.head = number(value, 0, 1023).unwrap_or(self.head),
            "q" => self.query = number(value, 0, 1 << 20),
            "k" => self.key = number(value, 0, 1 << 20),
            "stage" => self.stage = Stage::from_word(value).unwrap_or_default(),
            "view" => self.view = HeadView::from_word(value).unwrap_or_default(),
            "mean" => self.average = Average::from_word(value).unwrap_or_default(),
            "sink" => self.hide_sink = value == "hidden",
            "pairs" => self.pairs = PairFilter::from_word(value).unwrap_or_default(),
            "y" => self.target = Some(capped(value)),
            "beams" => self.beams = number(value, 1, MAX_BEAMS).unwrap_or(self.beams),
            "of" => self.attending = Attending::from_word(value).unwrap_or_default(),
            "align" => self.align = AlignOf::from_word(value).unwrap_or_default(),
            "min" => self.threshold = number(value, 0, 100).unwrap_or(self.threshold),
            "sort" => self.sort = WallSort::from_word(value).unwrap_or_default(),
            "tab" => self.tab = Tab::from_word(value).unwrap_or_default(),
            "norms" => self.norms_after = value == "after",
            "w" if is_name(value) => self.matrix = value.to_owned(),
            "wr" => self.cells.0 = number(value, 0, 1 << 24).unwrap_or_default(),
            "wc" => self.cells.1 = number(value, 0, 1 << 24).unwrap_or_default(),
            "T" => {
                self.sampling.temperature =
                    fraction(value, 0.0, 4.0).unwrap_or(self.sampling.temperature);
            }
            "top_k" => self.sampling.top_k = number(value, 0, 1 << 20).unwrap_or_default(),
            "top_p" => self.sampling.top_p = fraction(value, 0.01, 1.0).unwrap_or(1.0),
            "seed" => self.sampling.seed = number(value, 0, u32::MAX).unwrap_or(1_u32).into(),
            "theme" => self.theme = Theme::from_word(value).unwrap_or_default(),
            _ => {}
        }
    }

    /// Writes the hash, without `#`; only what differs from the default.
    pub fn to_hash(&self) -> String {
        let plain = Self::default();
        let mut out = String::new();
        let mut put = |name: &str, value: &str, differs: bool| {
            if differs {
                if !out.is_empty() {
                    out.push('&');
                }
                out.push_str(name);
                out.push('=');
                encode(value, &mut out);
            }
        };
        let fits = |text: &str| text.len() <= MAX_TEXT_BYTES;
        put(
            "m",
            &self.model.as_ref().map(text_from_model).unwrap_or_default(),
            self.model.is_some(),
        );
        put("t", &self.text, self.text != plain.text && fits(&self.text));
        if let Some(pair) = &self.pair {
            put("t2", pair, fits(pair));
        }
        if let Some(system) = &self.system {
            put("chat", system, fits(system));
        }
        if self.said.iter().map(String::len).sum::<usize>() <= MAX_TEXT_BYTES {
            self.said.iter().for_each(|said| put("said", said, true));
        }
        let masks: Vec<String> = self.masks.iter().map(u32::to_string).collect();
        put("mask", &masks.join("."), !masks.is_empty());
        let engine = if self.engine == EngineChoice::Gpu { "gpu" } else { "cpu" };
        put("engine", engine, self.engine != plain.engine);
        put("l", &self.layer.to_string(), self.layer != plain.layer);
        put("h", &self.head.to_string(), self.head != plain.head);
        put("q", &self.query.map(|q| q.to_string()).unwrap_or_default(), self.query.is_some());
        put("k", &self.key.map(|k| k.to_string()).unwrap_or_default(), self.key.is_some());
        put("stage", self.stage.word(), self.stage != plain.stage);
        put("view", self.view.word(), self.view != plain.view);
        put("mean", self.average.word(), self.average != plain.average);
        put("sink", "hidden", self.hide_sink);
        put("pairs", self.pairs.word(), self.pairs != plain.pairs);
        if let Some(target) = &self.target {
            put("y", target, fits(target));
        }
        put("beams", &self.beams.to_string(), self.beams != plain.beams);
        put("of", self.attending.word(), self.attending != plain.attending);
        put("align", self.align.word(), self.align != plain.align);
        put("min", &self.threshold.to_string(), self.threshold != plain.threshold);
        put("sort", self.sort.word(), self.sort != plain.sort);
        put("tab", self.tab.word(), self.tab != plain.tab);
        put("norms", "after", self.norms_after);
        put("w", &self.matrix, !self.matrix.is_empty());
        put("wr", &self.cells.0.to_string(), self.cells.0 > 0);
        put("wc", &self.cells.1.to_string(), self.cells.1 > 0);
        let (ours, theirs) = (&self.sampling, &plain.sampling);
        put("T", &format::plain(ours.temperature), ours.temperature != theirs.temperature);
        put("top_k", &ours.top_k.to_string(), ours.top_k != theirs.top_k);
        put("top_p", &format::plain(ours.top_p), ours.top_p != theirs.top_p);
        put("seed", &ours.seed.to_string(), ours.seed != theirs.seed);
        put("theme", self.theme.word(), self.theme != plain.theme);
        if self.place == Place::Room {
            put("p", &self.room.place(), true);
            put("step", &self.room.step.to_string(), self.room.step > 0);
            let presented = self.room.presented;
            put("present", &presented.unwrap_or_default().to_string(), presented.is_some());
            for (name, value) in self.room.turned() {
                put(&format!("{}{name}", room::PREFIX), value, true);
            }
        } else {
            put("p", self.place.word(), self.place != plain.place);
        }
        if let Some(choice) = self.lab.as_ref().filter(|_| self.place == Place::Lab) {
            put("corpus", self.corpus.word(), choice.is_text());
            choice.for_hash().for_each(|(name, value)| put(name, value, true));
        }
        out
    }
}

/// Reads `2.5.9` into places in order, each once; what is no place is left out.
fn masks_from_text(text: &str) -> Vec<u32> {
    let mut masks = Vec::new();
    for place in text.split('.').filter_map(|part| number(part, 0, 1 << 20)) {
        if let Err(idx) = masks.binary_search(&place)
            && masks.len() < MAX_MASKS
        {
            masks.insert(idx, place);
        }
    }
    masks
}

/// `bundled/NAME` or `hub/OWNER/NAME@REVISION:FILE`; files from disk cannot be linked to.
fn text_from_model(model: &ModelSource) -> String {
    match model {
        ModelSource::Bundled(name) => format!("bundled/{name}"),
        ModelSource::Hub { repo, revision, file } => {
            let mut text = format!("hub/{repo}");
            if !revision.is_empty() {
                text.push('@');
                text.push_str(revision);
            }
            if !file.is_empty() {
                text.push(':');
                text.push_str(file);
            }
            text
        }
        ModelSource::Files => "disk".into(),
    }
}

fn model_from_text(text: &str) -> Option<ModelSource> {
    if let Some(name) = text.strip_prefix("bundled/") {
        let is_path = name.split('/').all(is_name);
        return is_path.then(|| ModelSource::Bundled(name.into()));
    }
    hub_from_text(text.strip_prefix("hub/")?)
}

/// Reads `OWNER/NAME`, `OWNER/NAME@REVISION` or either with `:FILE`, as a person types it.
pub fn hub_from_text(text: &str) -> Option<ModelSource> {
    let (rest, file) = text.split_once(':').unwrap_or((text, ""));
    let (repo, revision) = rest.split_once('@').unwrap_or((rest, ""));
    let (owner, name) = repo.split_once('/')?;
    let is_path = |path: &str| path.is_empty() || path.split('/').all(is_name);
    (is_name(owner) && is_name(name) && is_path(revision) && is_path(file)).then(|| {
        ModelSource::Hub { repo: repo.into(), revision: revision.into(), file: file.into() }
    })
}

/// Letters, digits, `-`, `_`, `.`; at most 96, and no `..`.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 96 && name.chars().all(is_plain) && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_default_has_an_empty_hash() {
        assert_eq!(UrlState::default().to_hash(), "");
        assert_eq!(UrlState::from_hash(""), UrlState::default());
    }

    #[test]
    fn a_checkpoint_of_a_suite_has_an_address() {
        let model = Some(ModelSource::Bundled("grimm-neox-small/step-64".into()));
        let state = UrlState { model, ..UrlState::default() };
        assert_eq!(UrlState::from_hash(&state.to_hash()), state);
    }

    #[test]
    fn a_full_state_comes_back() {
        let state = UrlState {
            text: "naïve 🦊 & = % + # мир".into(),
            pair: Some(String::new()),
            masks: vec![1, 4, 30],
            system: Some("Be brief.".into()),
            said: vec!["Hello & hi?".into(), String::new(), "x".into(), "y".into()],
            model: hub_from_text("openai-community/gpt2@607a30d:model.safetensors"),
            engine: EngineChoice::Cpu,
            layer: 11,
            head: 7,
            query: Some(4),
            key: Some(0),
            stage: Stage::Masked,
            view: HeadView::Lines,
            average: Average::Heads,
            hide_sink: true,
            pairs: PairFilter::SecondFirst,
            target: Some(String::new()),
            beams: 4,
            attending: Attending::Encoder,
            align: AlignOf::Head,
            threshold: 3,
            sort: WallSort::Induction,
            tab: Tab::Card,
            norms_after: true,
            matrix: "attn.W_Q".into(),
            cells: (7, 300),
            sampling: Sampling { temperature: 0.7, top_k: 40, top_p: 0.95, seed: 9 },
            theme: Theme::Dark,
            place: Place::Lab,
            lab: Some(Choice::from_query("model.d_model=64&optimiser.rate=0.01&seed=3")),
            corpus: Corpus::Pasted,
            room: RoomState::default(),
        };
        assert_eq!(UrlState::from_hash(&format!("#{}", state.to_hash())), state);
    }

    #[test]
    fn a_room_comes_back_with_its_knobs_and_step() {
        let mut room = RoomState::of(4);
        (room.step, room.presented) = (3, Some(1));
        room.turn("map", "dpfp1");
        room.turn("beta", "0.5");
        let state = UrlState { place: Place::Room, room, ..UrlState::default() };
        let hash = state.to_hash();
        assert_eq!(hash, "p=room-04&step=3&present=1&r-beta=0.5&r-map=dpfp1");
        assert_eq!(UrlState::from_hash(&hash), state);
        let elsewhere = UrlState::from_hash("r-map=dpfp1&step=3");
        assert_eq!(elsewhere, UrlState::default(), "only a room's address has its knobs");
        for hash in ["p=room-00", "p=room-23", "p=room-4", "p=room", "p=room--1"] {
            let place = UrlState::from_hash(hash).place;
            assert!(place != Place::Room, "{hash}: {place:?}");
        }
    }

    #[test]
    fn hostile_values_are_left_at_their_defaults() {
        let hash = "l=-1&h=99999999999999999999&stage=%3Cscript%3E&T=NaN&T=1e9&top_p=0&min=101\
                    &mask=-1.x..99999999999&pairs=ac&beams=9&of=x&align=__proto__&m=bundled/../../etc/passwd&p=../lab&corpus=x&model.d_model=-1&model.x=1&__proto__.x=1&w=%3Cb%3E&wr=-1&wc=1e9&seed=1e3&theme=__proto__&q=4294967296&x&=&&=1";
        assert_eq!(UrlState::from_hash(hash), UrlState::default());
        for text in ["hub/a", "hub/a/b/c", "hub/a/b@..", "hub/ /b", "disk", "bundled/"] {
            assert_eq!(model_from_text(text), None, "{text}");
        }
    }

    #[test]
    fn too_long_is_not_read_and_long_text_is_cut_between_characters() {
        let long = format!("l=3&t={}", "a".repeat(MAX_HASH_BYTES));
        assert_eq!(UrlState::from_hash(&long), UrlState::default());
        let state = UrlState::from_hash(&format!("t=a{}", "é".repeat(MAX_TEXT_BYTES)));
        assert_eq!(state.text.len(), MAX_TEXT_BYTES - 1);
        let kept = UrlState { text: "b".repeat(MAX_TEXT_BYTES + 1), ..UrlState::default() };
        assert_eq!(kept.to_hash(), "");
    }

    #[test]
    fn turns_of_a_conversation_alternate() {
        let state = UrlState::from_hash("#chat=be+brief&said=hi&said=hello&said=lost&t=bye");
        let turns = state.turns();
        let turns: Vec<(&str, &str)> =
            turns.iter().map(|(role, said)| (&**role, &**said)).collect();
        assert_eq!(
            turns,
            [("system", "be brief"), ("user", "hi"), ("assistant", "hello"), ("user", "bye")]
        );
        let many = UrlState::from_hash(&"said=a&".repeat(2 * MAX_SAID));
        assert_eq!(many.said.len(), MAX_SAID);
        assert!(
            UrlState::from_hash("said=a&said=b").turns().is_empty(),
            "without a system it is a text"
        );
    }

    proptest! {
        #[test]
        fn no_hash_panics_and_reading_is_stable(hash in "\\PC{0,200}") {
            let state = UrlState::from_hash(&hash);
            prop_assert_eq!(UrlState::from_hash(&state.to_hash()), state);
        }

        #[test]
        fn no_value_panics(name in "p|step|present|r-map|r-|r-a b|corpus|model.kind|optimiser.rate|train.seed|t|t2|y|beams|of|align|mask|m|engine|l|h|q|k|stage|min|T|top_k|top_p|seed", value in "\\PC{0,60}") {
            let state = UrlState::from_hash(&format!("{name}={value}"));
            prop_assert_eq!(UrlState::from_hash(&state.to_hash()), state);
        }

        #[test]
        fn any_text_comes_back(text in "\\PC{0,300}") {
            let state = UrlState { text, ..UrlState::default() };
            prop_assert_eq!(UrlState::from_hash(&state.to_hash()), state);
        }
    }
}
