//! What the model writes for inputs that are held out, right and wrong marked.

use crate::lens::table::Table;
use crate::parts::dom::{View, el, part};
use crate::parts::frame::{Kit, panel};
use crate::protocol::lab::Sample;
use crate::state::cell::derive;
use crate::state::lab::Lab;

/// The panel.
pub fn samples(lab: Lab) -> View {
    let title = derive(move || {
        let wrote = lab.wrote.read();
        match wrote.samples.is_empty() {
            true => "What the model writes".to_owned(),
            false => format!("What the model writes after step {}", wrote.step),
        }
    });
    let numbers = move || {
        let wrote = lab.wrote.read_untracked();
        let row = |sample: &Sample| {
            let wanted = sample.wanted.clone().unwrap_or_default();
            vec![sample.input.clone(), wanted, sample.given.clone()]
        };
        Some(Table {
            caption: title.get_untracked(),
            columns: ["input", "wanted", "written"].map(str::to_owned).to_vec(),
            rows: wrote.samples.iter().map(row).collect(),
        })
    };
    let kit = Kit {
        id: "lab-samples",
        explain: &[
            "Inputs that are never trained on, the same after every look. The model writes the likeliest token, reads it back, and so on until it writes the end. Wrong characters are struck through, with what was wanted beside them. □ is a mark of the vocabulary that is no character, such as the one of the end.",
            "Of a text there is no right or wrong: the model goes on from a held-out beginning, with numbers drawn from the run’s seed at temperature 0.8.",
        ],
        table: Some(Box::new(numbers)),
        picture: None,
        hooks: None,
    };
    let lines = part(move || lab.wrote.read().samples.iter().map(sample_view).collect());
    let empty = move || {
        let run = lab.current.get();
        match (run, lab.wrote.read().samples.is_empty()) {
            (None, _) => Some("Train: what the model writes stands here, from step 0 on."),
            (Some(run), true)
                if matches!(run.choice.get("model.kind"), "bert" | "nano_encoder") =>
            {
                Some("An encoder writes nothing. Open it in the Explorer, and mask a character.")
            }
            _ => None,
        }
    };
    let list = el!(ol class="samples" tabindex="0" aria-label="Samples").child(lines);
    panel(kit, title, None).child(el!(p class="hint lab-empty").text(empty)).child(list).done()
}

fn sample_view(sample: &Sample) -> View {
    let Sample { input, wanted, given } = sample;
    let input = el!(bdi class="token-text sample-input").child(input.as_str());
    let Some(wanted) = wanted else {
        let given = el!(bdi class="token-text").child(given.as_str());
        return el!(li class="sample sample-text").child(input).child(given).into();
    };
    let is_right = given == wanted;
    let [given, wanted] = [given, wanted].map(|text| with_marks(text));
    let mark = el!(span class="sample-mark" role="img")
        .set("aria-label", if is_right { "right" } else { "wrong" })
        .child(if is_right { "✓" } else { "✗" });
    let mut line = el!(li class="sample")
        .class("wrong", move || !is_right)
        .child(mark)
        .child(input)
        .child(el!(span aria-hidden="true").child("→"))
        .child(el!(bdi class="token-text").child(compared(&given, &wanted)));
    if !is_right {
        let wanted = el!(bdi class="token-text").child(wanted.as_str());
        line = line.child(el!(span class="hint").child("wanted ").child(wanted));
    }
    line.into()
}

/// Names of marks of the trainer’s vocabularies, beside the sentinels of denoising.
const MARKS: &[&str] = &["pad", "s", "/s", "mask"];

/// What was written, each mark of the vocabulary as one sign: such a mark is no character of a text, and an
/// untrained model writes some.
fn with_marks(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        shown.push_str(before);
        let is_mark = |name: &str| {
            MARKS.contains(&name)
                || name.strip_prefix("extra_id_").is_some_and(|id| id.parse::<u32>().is_ok())
        };
        match from[1..].split_once('>').filter(|(name, _)| is_mark(name)) {
            Some((_, after)) => {
                shown.push('□');
                rest = after;
            }
            None => {
                shown.push('<');
                rest = &from[1..];
            }
        }
    }
    shown + rest
}

/// What was written, character by character, the wrong ones marked.
fn compared(given: &str, wanted: &str) -> Vec<View> {
    let mut wanted = wanted.chars();
    let mut runs: Vec<(bool, String)> = Vec::new();
    for character in given.chars() {
        let is_right = wanted.next() == Some(character);
        match runs.last_mut() {
            Some((known, text)) if *known == is_right => text.push(character),
            _ => runs.push((is_right, character.to_string())),
        }
    }
    let view = |(is_right, text): (bool, String)| match is_right {
        true => el!(span).child(text).into(),
        false => el!(s).child(text).into(),
    };
    runs.into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_one_sign_and_other_brackets_stay() {
        assert_eq!(with_marks("<s>19<extra_id_5><extra_id_12>-1</s>"), "□19□□-1□");
        for text in ["a < b > c", "<b>", "<extra_id_>", "<", ""] {
            assert_eq!(with_marks(text), text);
        }
    }
}
