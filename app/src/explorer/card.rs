//! What the model is: its shape, its weights, its files.

use leptos::prelude::*;

use crate::format;
use crate::lens::table::Table;
use crate::parts::frame::{Kit, Panel};
use crate::protocol::{FileFact, ModelCard};
use crate::state::use_store;

/// The panel.
#[component]
pub fn Card() -> AnyView {
    let store = use_store();
    let kit = Kit {
        id: "card",
        explain: &[
            "The shape of the model as its configuration states it, how its weights are stored, and its files with their hashes.",
            "Verified means that every file has the hash that was published with the model. A file from your disk or an unpinned repository has no such hash; its own is shown.",
        ],
        table: Some(Callback::new(move |()| {
            let card = store.card.get_untracked()?;
            Some(Table {
                caption: card.title.clone(),
                columns: vec!["fact".into(), "value".into()],
                rows: facts(&card)
                    .into_iter()
                    .map(|(name, value)| vec![name.into(), value])
                    .collect(),
            })
        })),
        picture: None,
        hooks: None,
    };
    let title = Signal::derive(move || {
        store.card.get().map_or("The model".into(), |card| format!("The model: {}", card.title))
    });
    let shape = move || {
        let facts = store.card.get().map(|card| facts(&card)).unwrap_or_default();
        facts
            .into_iter()
            .map(|(name, value)| {
                view! { <div><dt>{name}</dt><dd class="num"><bdi>{value}</bdi></dd></div> }
                    .into_any()
            })
            .collect::<Vec<_>>()
    };
    let files = move || {
        let files = store.card.get().map(|card| card.files.clone()).unwrap_or_default();
        files.into_iter().map(file_view).collect::<Vec<_>>()
    };
    view! {
        <Panel kit title>
            <div class="card" data-testid="card">
                <dl class="facts">{shape}</dl>
                <div class="files-frame" tabindex="0" role="region" aria-label="Files of the model">
                    <table class="data">
                        <thead>
                            <tr><th scope="col">{"file"}</th><th scope="col">{"size"}</th><th scope="col">{"sha256"}</th></tr>
                        </thead>
                        <tbody>{files}</tbody>
                    </table>
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

fn file_view(file: FileFact) -> AnyView {
    view! {
        <tr>
            <th scope="row"><bdi>{file.name}</bdi></th>
            <td class="num">{format::bytes(file.bytes)}</td>
            <td class="num hash">{file.sha256.unwrap_or_else(|| "not computed".into())}</td>
        </tr>
    }
    .into_any()
}

fn facts(card: &ModelCard) -> Vec<(&'static str, String)> {
    let norm = if card.rms_norm { "RMSNorm" } else { "LayerNorm" };
    let place = if card.post_norm { "after the sum" } else { "before the block" };
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
        ("norm", format!("{norm}, {place}")),
        ("weights", format::count(card.n_params)),
        ("stored as", card.storage.join(", ")),
        ("held in memory", format::bytes(card.bytes_held)),
        ("verified", if card.verified { "yes, by sha256" } else { "no published hash" }.into()),
    ];
    if let Some(licence) = &card.licence {
        facts.push(("licence", licence.clone()));
    }
    if let Some(revision) = &card.revision {
        facts.push(("revision", revision.clone()));
    }
    facts
}
