//! Conversations as chat templates write them, against transformers (golden/chat.py).

use serde::Deserialize;
use vitrine_models::tokenize::chat::{ChatTemplate, Turn, render};

/// A conversation by one template: its text, or what the template raised.
#[derive(Deserialize)]
struct Golden {
    name: String,
    source: String,
    turns: Vec<(String, String)>,
    text: Option<String>,
    error: Option<String>,
}

#[test]
fn conversations_are_written_as_transformers_writes_them() {
    let goldens: Vec<Golden> = serde_json::from_str(include_str!("golden/chat.json")).unwrap();
    assert!(goldens.len() >= 40 && goldens.iter().any(|golden| golden.error.is_some()));
    for golden in goldens {
        let template =
            ChatTemplate { source: golden.source, bos: "<s>".into(), eos: "</s>".into() };
        let turns: Vec<Turn> =
            golden.turns.into_iter().map(|(role, content)| Turn { role, content }).collect();
        let ours = render("tokenizer_config.json", &template, &turns);
        match (ours, golden.text, golden.error) {
            (Ok(ours), Some(theirs), _) => assert_eq!(ours, theirs, "{} {turns:?}", golden.name),
            (Err(ours), None, Some(theirs)) => {
                // Ours quotes the words and cuts them short.
                let start: String = theirs.chars().take(20).collect();
                assert!(ours.to_string().contains(&start), "{ours} / {theirs}");
            }
            (ours, theirs, _) => panic!("{}: {ours:?}, transformers {theirs:?}", golden.name),
        }
    }
}
