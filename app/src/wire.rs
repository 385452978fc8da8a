//! How a message of the [protocol](crate::protocol) travels between page and worker: a JS array
//! `[json, attachment]`. The attachment is `null`, or a value that `postMessage` can clone or
//! transfer (`ArrayBuffer`, `File`s, `OffscreenCanvas`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

/// Packs a message for `postMessage`.
///
/// # Errors
/// What serde says; the protocol's types all serialise, so this is a programming error.
pub fn pack(message: &impl Serialize, attachment: &JsValue) -> Result<JsValue, String> {
    let json = serde_json::to_string(message).map_err(|err| err.to_string())?;
    Ok(js_sys::Array::of2(&json.into(), attachment).into())
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// If the data is anything else, or speaks another version of the protocol.
pub fn unpack<T: DeserializeOwned>(data: &JsValue) -> Result<(T, JsValue), String> {
    let parts = js_sys::Array::from(data);
    let json = parts.get(0).as_string().ok_or("a message without text")?;
    let message = serde_json::from_str(&json).map_err(|err| err.to_string())?;
    Ok((message, parts.get(1)))
}

/// For the protocol's numbers that may be infinite or no number at all, which JSON cannot say:
/// those are written as words.
pub(crate) mod any_f32 {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_f32(*value)
        } else {
            serializer.serialize_str(&value.to_string())
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
        from.deserialize_any(Reader)
    }

    /// One number of a list of them.
    #[derive(Serialize, Deserialize)]
    pub(super) struct Number(#[serde(with = "super::any_f32")] pub(super) f32);

    struct Reader;

    impl de::Visitor<'_> for Reader {
        type Value = f32;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number, or NaN, inf or -inf in quotes")
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<f32, E> {
            Ok(value as f32)
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<f32, E> {
            Ok(value as f32)
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<f32, E> {
            Ok(value as f32)
        }

        fn visit_str<E: de::Error>(self, word: &str) -> Result<f32, E> {
            word.parse().map_err(E::custom)
        }
    }
}

/// As [`any_f32`], for lists.
pub(crate) mod any_f32s {
    use super::any_f32::Number;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(all: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(all.iter().map(|&value| Number(value)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
        let numbers = Vec::<Number>::deserialize(from)?;
        Ok(numbers.into_iter().map(|number| number.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::{Candidate, NormWeights};

    #[test]
    fn logits_that_are_no_numbers_travel() {
        for logit in [1.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let sent = Candidate { id: 7, text: "a".to_owned(), logit };
            let json = serde_json::to_string(&sent).unwrap();
            let came: Candidate = serde_json::from_str(&json).unwrap();
            assert_eq!(came.logit.to_bits() & 0x7fff_ffff, logit.to_bits() & 0x7fff_ffff, "{json}");
            assert!(came.logit.is_nan() || came.logit == logit);
        }
    }

    #[test]
    fn lists_with_odd_numbers_travel() {
        let gain = vec![1.0, f32::NEG_INFINITY, 0.25, -3.0];
        let sent = NormWeights { name: "ln_final".to_owned(), gain, bias: Vec::new() };
        let json = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<NormWeights>(&json).unwrap(), sent, "{json}");
    }
}
