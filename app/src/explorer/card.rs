//! What the model is: its shape, its weights, its files.

use crate::format;
use crate::lens::table::Table;
use crate::parts::dom::{El, View, el, part};
use crate::parts::frame::{Kit, panel};
use crate::protocol::{FileFact, ModelCard, ModelSource};
use crate::state::cell::derive;
use crate::state::use_store;

/// The panel.
pub fn card() -> View {
    let store = use_store();
    let table = move || {
        let card = store.model.get_untracked()?;
        Some(Table {
            caption: card.title.clone(),
            columns: vec!["fact".into(), "value".into()],
            rows: all(&card),
        })
    };
    let kit = Kit {
        id: "card",
        explain: &[
            "The shape of the model as its configuration states it, how many weights each part has and how they are stored, what is known of the tokenizer, the configuration word by word, and the files with their hashes.",
            "Verified means that the weights have the sha256 that was published with the model: by this site, or by the hub for exactly this revision. Where nobody published one (a file from your disk), the hash that was computed here is shown: compare it with one that you trust.",
        ],
        table: Some(Box::new(table)),
        picture: None,
        hooks: None,
    };
    let title = derive(move || {
        store.model.get().map_or("The model".into(), |card| format!("The model: {}", card.title))
    });
    let shape = part(move || {
        let facts = store.model.get().map(|card| facts(&card)).unwrap_or_default();
        facts.into_iter().map(fact_view).collect()
    });
    let files = part(move || match store.model.get() {
        Some(card) => card.files.iter().map(file_view).collect(),
        None => Vec::new(),
    });
    let config = part(move || match store.card.get() {
        Some(card) => card.config.iter().map(config_view).collect(),
        None => Vec::new(),
    });
    let shape =
        el!(div class="files-frame" tabindex="0" role="region" aria-label="Facts of the model")
            .child(el!(dl class="facts").child(shape));
    let card = el!(div class="card" data-testid="card")
        .child(shape)
        .child(frame("Configuration", "card-config", &["field", "value"], config))
        .child(frame("Files", "card-files", &["file", "size", "sha256", "known from"], files));
    panel(kit, title, None).child(card).done()
}

/// Everything, for the table: facts, configuration, files.
fn all(card: &ModelCard) -> Vec<Vec<String>> {
    let facts = facts(card).into_iter().map(|(name, value)| vec![name, value]);
    let config =
        card.config.iter().map(|(name, value)| vec![format!("config: {name}"), value.clone()]);
    let files = card.files.iter().map(|file| {
        let hash = file.sha256.as_deref().unwrap_or("not computed");
        vec![
            format!("file: {}", file.name),
            format!("{}, sha256 {hash}", format::bytes(file.bytes)),
        ]
    });
    facts.chain(config).chain(files).collect()
}

fn fact_view((name, value): (String, String)) -> View {
    let value = el!(dd class="num").child(el!(bdi).child(value));
    el!(div).child(el!(dt).child(el!(bdi).child(name))).child(value).into()
}

/// A table that scrolls by itself.
fn frame(name: &str, testid: &str, columns: &[&str], rows: View) -> El {
    let columns = columns.iter().map(|name| el!(th scope="col").child(*name).into());
    let head = el!(thead).child(el!(tr).child(columns.collect::<Vec<View>>()));
    let table = el!(table class="data").child(head).child(el!(tbody).child(rows));
    el!(div class="files-frame" tabindex="0" role="region")
        .set("aria-label", &format!("{name} of the model"))
        .set("data-testid", testid)
        .child(table)
}

fn config_view((name, value): &(String, String)) -> View {
    el!(tr)
        .child(el!(th scope="row").child(el!(bdi).child(name.as_str())))
        .child(el!(td class="num hash").child(el!(bdi).child(value.as_str())))
        .into()
}

fn file_view(file: &FileFact) -> View {
    let hash = file.sha256.as_deref().unwrap_or("not computed");
    el!(tr)
        .child(el!(th scope="row").child(el!(bdi).child(file.name.as_str())))
        .child(el!(td class="num").child(format::bytes(file.bytes)))
        .child(el!(td class="num hash").child(hash))
        .child(el!(td).child(if file.published { "as published" } else { "computed here" }))
        .into()
}

/// Who vouches for the weights.
pub fn verified(card: &ModelCard) -> String {
    let by_hub = matches!(card.source, Some(ModelSource::Hub { .. }));
    match (card.verified, &card.revision) {
        (true, Some(revision)) if by_hub => {
            let short: String = revision.chars().take(12).collect();
            format!("yes, by the sha256 that the hub publishes for revision {short}")
        }
        (true, _) => "yes, by the sha256 that was published with the model".into(),
        (false, _) => "not verified: no published hash to compare with".into(),
    }
}

/// Which norm there is, and where.
fn norm(card: &ModelCard) -> String {
    let has = |end: &str| card.hooks.iter().any(|hook| hook.ends_with(end));
    if !has(".hook_scale") {
        return "none".into();
    }
    let norm = if card.rms_norm { "RMSNorm" } else { "LayerNorm" };
    let place = match () {
        () if has("hook_resid_dual") => "after the sum, beside a stream without",
        () if has("ln1_post.hook_scale") => "before the block and after each part",
        () if card.post_norm => "after the sum",
        () => "before the block",
    };
    format!("{norm}, {place}")
}

fn facts(card: &ModelCard) -> Vec<(String, String)> {
    let mut facts = vec![
        ("architecture", card.architecture.clone()),
        ("layers", card.n_layers.to_string()),
        ("heads", card.n_heads.to_string()),
        ("key and value heads", card.n_kv_heads.to_string()),
        ("d_model", card.d_model.to_string()),
        ("d_head", card.d_head.to_string()),
        ("d_mlp", card.d_mlp.to_string()),
        ("vocabulary", card.d_vocab.to_string()),
        ("longest text", format!("{} tokens", card.n_ctx)),
        ("norm", norm(card)),
        ("weights", format::count(card.n_params)),
        ("stored as", card.storage.join(", ")),
        ("held in memory", format::bytes(card.bytes_held)),
        ("verified", verified(card)),
    ];
    if let Some(encoder) = &card.encoder {
        let shape = |card: &ModelCard| {
            let (layers, heads) = (card.n_layers, card.n_heads);
            format!(
                "{} × {}, {} tokens",
                layers,
                format::plural(heads as usize, "head"),
                card.n_ctx
            )
        };
        facts.insert(1, ("encoder", shape(encoder)));
        facts.insert(2, ("decoder", shape(card)));
    }
    if let Some(licence) = &card.licence {
        facts.push(("licence", licence.clone()));
    }
    if let Some(revision) = &card.revision {
        facts.push(("revision", revision.clone()));
    }
    let mut facts: Vec<(String, String)> =
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let n_all = card.n_params.max(1) as f64;
    facts.extend(card.parts.iter().map(|(part, n)| {
        let share = format::fixed(100.0 * *n as f64 / n_all, 1);
        (format!("weights: {part}"), format!("{}, {share} %", format::count(*n)))
    }));
    facts.extend(
        card.tokenizer.iter().map(|(name, value)| (format!("tokenizer: {name}"), value.clone())),
    );
    facts
}
