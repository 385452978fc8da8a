//! What a click asks for beside runs: comparisons and files.

use std::collections::BTreeMap;
use std::rc::Rc;

use vitrine_models::hook::matches_glob;
use vitrine_models::session::{agreement, cosine};
use vitrine_models::{Input, ModelError};

use super::cancel::Stop;
use super::load::Loaded;
use super::post::{fault, post, post_bytes};
use super::run;
use super::studio::{Studio, advice_for, free};
use super::text;
use crate::protocol::{Fault, FaultPlace, FromWorker};

/// Sentences compared at once.
const MAX_TEXTS: usize = 32;
/// Embeddings that are kept: a page asks for the same sentences at every keystroke.
const MAX_EMBEDDINGS: usize = 256;

impl Studio {
    /// Embeds each text and compares all pairs.
    pub async fn compare(&mut self, texts: Vec<String>) {
        let control = self.desk.begin();
        let Some(loaded) = &mut self.loaded else { return };
        let outcome = embed_all(loaded, &texts, &control).await;
        // The session is for the visitor's text: it goes back there.
        let restored = self.restore(&control).await;
        match outcome.and_then(|embeddings| restored.map(|()| embeddings)) {
            Ok(embeddings) => {
                let cosines = embeddings
                    .iter()
                    .flat_map(|a| embeddings.iter().map(move |b| cosine(a, b)))
                    .collect();
                post(&FromWorker::Similarity { texts, cosines });
            }
            Err(err) => self.tell(&err),
        }
    }

    /// Brings the session back to the visitor's text.
    pub async fn restore(&mut self, control: &vitrine_kernels::Control) -> Result<(), ModelError> {
        let (Some(last), Some(loaded)) = (&self.last, &mut self.loaded) else { return Ok(()) };
        loaded.session.set_tokens(&last.input, control).await?;
        Ok(())
    }

    /// The last run as a file.
    pub async fn export(&mut self, hooks: &[String]) {
        let control = self.desk.begin();
        if let Some(playback) = &self.playback {
            return playback.export(hooks).await;
        }
        let (Some(last), Some(loaded)) = (&self.last, &mut self.loaded) else {
            fault(FaultPlace::Panel, "Nothing has run yet", "Type a text, then export it.");
            return;
        };
        let points: Vec<_> = loaded
            .session
            .spec()
            .points()
            .into_iter()
            .filter(|point| {
                let name = point.to_string();
                hooks.iter().any(|glob| matches_glob(glob, &name))
            })
            .collect();
        if points.is_empty() {
            let what = format!("No hook of this model matches {}", hooks.join(", "));
            fault(FaultPlace::Panel, what, "`*` exports all of them.");
            return;
        }
        let mut metadata = BTreeMap::from([
            ("model".to_owned(), loaded.card.title.clone()),
            ("architecture".to_owned(), loaded.card.architecture.clone()),
            ("token_ids".to_owned(), format!("{:?}", last.input.ids)),
            ("tokens".to_owned(), json_list(last.views.iter().map(|view| view.text.as_str()))),
        ]);
        if let Some(source) = &last.input.source {
            metadata.insert("source_token_ids".to_owned(), format!("{:?}", source.ids));
        }
        let file_name = format!("{}.safetensors", file_stem(&loaded.card.title));
        let read = run::read(loaded, &points, &control).await;
        let bytes =
            read.and_then(|trace| trace.map(|trace| trace.to_safetensors(&metadata)).transpose());
        match bytes {
            Ok(Some(bytes)) => post_bytes(&FromWorker::Exported { file_name }, &bytes),
            Ok(None) => {}
            Err(err) => self.tell(&err),
        }
    }

    /// Runs the last tokens on the other engine, with weights of its own for so long.
    pub async fn compare_engines(&mut self) {
        let control = self.desk.begin();
        let engines = Rc::clone(&self.loader.engines);
        let (Some(_), Some(loaded)) = (&self.last, &mut self.loaded) else {
            fault(FaultPlace::Panel, "Nothing has run yet", "Type a text, then compare.");
            return;
        };
        let other = match engines.make_other().await {
            Ok(engine) => engine,
            Err(err) => {
                let what = format!("There is no second engine to compare with: {err}");
                let advice = "Open the page in a browser with WebGPU, by https or on localhost.";
                fault(FaultPlace::Panel, what, advice);
                return;
            }
        };
        let reloaded =
            self.loader.reload(other, &loaded.gathered, &loaded.tokenizer, &control).await;
        let mut other = match reloaded {
            Ok(other) => other,
            Err(Stop::Cancelled) => return,
            Err(Stop::Fault(Fault { what, advice, .. })) => {
                fault(FaultPlace::Panel, what, advice);
                return;
            }
        };
        let names = [loaded.session.engine().name(), other.session.engine().name()];
        match agreement(&mut loaded.session, &mut other.session, &control).await {
            Ok(agreement) => post(&FromWorker::EnginesCompared {
                engines: names,
                relative_error: agreement.relative_error,
                pattern_error: agreement.pattern_error,
            }),
            Err(err) => self.tell(&err),
        }
        free(other.session);
    }

    pub fn tell(&self, err: &ModelError) {
        if !err.is_cancelled() {
            fault(FaultPlace::Panel, err.to_string(), advice_for(err));
        }
    }
}

async fn embed_all(
    loaded: &mut Loaded,
    texts: &[String],
    control: &vitrine_kernels::Control,
) -> Result<Vec<Vec<f32>>, ModelError> {
    if loaded.session.spec().causal {
        let problem = "this model continues texts; take a sentence encoder, such as MiniLM";
        return Err(ModelError::input("similarity", problem));
    }
    if texts.len() > MAX_TEXTS {
        let problem = format!("{} are given, at most {MAX_TEXTS} are compared", texts.len());
        return Err(ModelError::input("sentences", problem));
    }
    if loaded.embeddings.len() > MAX_EMBEDDINGS {
        loaded.embeddings.clear();
    }
    let mut embeddings = Vec::new();
    for text in texts {
        if let Some(known) = loaded.embeddings.get(text) {
            embeddings.push(known.clone());
            continue;
        }
        let n_ctx = loaded.session.spec().n_ctx;
        let (clipped, _) = text::clipped(text, false);
        let mut pieces = loaded
            .tokenizer
            .encode(clipped, None)
            .await
            .map_err(|problem| ModelError::input("sentence", problem))?;
        text::cut_to_context(&mut pieces, n_ctx, false);
        let ids: Vec<u32> = pieces.iter().map(|piece| piece.id).collect();
        loaded.session.set_tokens(&Input::from(ids.as_slice()), control).await?;
        let embedding = loaded.session.embedding().await?;
        loaded.embeddings.insert(text.clone(), embedding.clone());
        embeddings.push(embedding);
    }
    Ok(embeddings)
}

/// A JSON list of texts.
pub(super) fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// A name that every file system takes.
pub(super) fn file_stem(title: &str) -> String {
    let plain =
        |char: char| if char.is_ascii_alphanumeric() || ".-_".contains(char) { char } else { '-' };
    let stem: String = title.chars().map(plain).take(60).collect();
    let stem = stem.trim_matches(['-', '.']).to_owned();
    if stem.is_empty() { "trace".to_owned() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn file_names_are_plain() {
        assert_eq!(file_stem("SmolLM2-135M Q4_1"), "SmolLM2-135M-Q4_1");
        assert_eq!(file_stem("../ä/…"), "trace");
    }
}
