//! config.json: every field reader over every kind of value.

use crate::dice::Dice;
use vitrine_models::weights::{ConfigFields, json};

const FIELDS: [&str; 6] =
    ["hidden_size", "rope_theta", "rope_scaling", "rope_parameters", "hidden_act", "tie"];

/// Builds a document from `data` and reads every field in every way; true where all rotary
/// fields were accepted.
pub fn check(data: &[u8]) -> bool {
    let mut dice = Dice::new(data);
    let mut text = generate(&mut dice, 0).into_bytes();
    dice.damage(&mut text);
    let Ok(object) = json::parse_object("config.json", &text) else { return false };
    let fields = ConfigFields::from_json("config.json", &object);
    for name in FIELDS {
        if let Ok(count) = fields.count(name) {
            assert!((1..=1 << 24).contains(&count));
        }
        if let Ok(number) = fields.positive(name) {
            assert!(number.is_finite() && number > 0.0);
        }
        let named = |err: &dyn std::error::Error| err.to_string().contains(name);
        assert!(fields.text(name).err().is_none_or(|err| named(&err)));
        assert!(fields.flag_or(name, false).err().is_none_or(|err| named(&err)));
        assert!(fields.object(name).err().is_none_or(|err| named(&err)));
    }
    fields.rope(None).is_ok()
}

fn generate(dice: &mut Dice<'_>, depth: usize) -> String {
    let n_fields = dice.below(7);
    let fields: Vec<String> = (0..n_fields)
        .map(|_| format!("\"{}\": {}", dice.pick(&FIELDS), value(dice, depth)))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

fn value(dice: &mut Dice<'_>, depth: usize) -> String {
    match dice.below(9) {
        0 => dice.nasty().to_string(),
        1 => format!("-{}", dice.below(9)),
        2 => dice.pick(&["1e-5", "0.0", "1e400", "NaN", "-1e-300"]).to_owned(),
        3 => dice.pick(&["true", "false", "null"]).to_owned(),
        4 => dice.pick(&["\"yarn\"", "\"linear\"", "\"\"", "\"\\u202e\""]).to_owned(),
        5 if depth < 3 => generate(dice, depth + 1),
        6 => "[1, 2]".to_owned(),
        _ => (1 + dice.below(90)).to_string(),
    }
}
