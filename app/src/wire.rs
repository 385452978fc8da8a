//! How a message of the [protocol](crate::protocol) travels between page and worker: a JS array
//! `[bytes, attachment]`. The bytes are postcard's: no names, no text to parse, and every f32
//! keeps its bits. The attachment is `null`, or a value that `postMessage` can clone or transfer
//! (`ArrayBuffer`, `File`s, `OffscreenCanvas`).

use js_sys::{Array, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

/// Packs a message for `postMessage`.
///
/// # Errors
/// What postcard says; the protocol's types all serialise, so this is a programming error.
pub fn pack(message: &impl Serialize, attachment: &JsValue) -> Result<JsValue, String> {
    let bytes = postcard::to_allocvec(message).map_err(|err| err.to_string())?;
    Ok(Array::of2(&Uint8Array::from(bytes.as_slice()), attachment).into())
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// If the data is anything else, or speaks another version of the protocol.
pub fn unpack<T: DeserializeOwned>(data: &JsValue) -> Result<(T, JsValue), String> {
    let parts = Array::from(data);
    let bytes: Uint8Array = parts.get(0).dyn_into().map_err(|_| "a message without bytes")?;
    let message = postcard::from_bytes(&bytes.to_vec()).map_err(|err| err.to_string())?;
    Ok((message, parts.get(1)))
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::protocol::lab::{FromLab, LabFault, Phase};
    use crate::protocol::{
        Candidate, Fault, FaultPlace, FromWorker, ModelCard, NormWeights, RunReport, Sampling,
        TokenView,
    };

    fn there_and_back<T: Serialize + DeserializeOwned>(sent: &T) -> T {
        postcard::from_bytes(&postcard::to_allocvec(sent).unwrap()).unwrap()
    }

    #[test]
    fn logits_that_are_no_numbers_travel() {
        for logit in [1.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let sent = Candidate { id: 7, text: "a".to_owned(), logit };
            assert_eq!(there_and_back(&sent).logit.to_bits(), logit.to_bits());
        }
        let gain = vec![1.0, f32::NEG_INFINITY, 0.25, -3.0];
        let sent = NormWeights { name: "ln_final".to_owned(), gain, bias: Vec::new() };
        assert_eq!(there_and_back(&sent), sent);
    }

    #[test]
    fn every_kind_of_field_travels() {
        let card = ModelCard {
            title: "naïve 🦊".into(),
            n_params: 134_515_008,
            storage: vec!["Q4_1 106 M".into(), String::new()],
            licence: Some("MIT".into()),
            ..ModelCard::default()
        };
        let FromWorker::Loaded(came) = there_and_back(&FromWorker::Loaded(Box::new(card.clone())))
        else {
            panic!("another variant")
        };
        assert_eq!(*came, card);
        let token = TokenView {
            id: 300,
            text: "␣f".into(),
            bytes: vec![0x20, 0xff],
            span: Some((3, 1 << 20)),
            special: false,
            generated: true,
            second: false,
            masked: true,
        };
        assert_eq!(there_and_back(&token), token);
        let report = RunReport { run: 9, ms: 0.1, ..RunReport::default() };
        assert_eq!(there_and_back(&report), report);
        let sampling = Sampling { seed: u64::MAX, ..Sampling::default() };
        assert_eq!(there_and_back(&sampling), sampling);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let bytes = postcard::to_allocvec(&FromWorker::Exported { file_name: "a".into() }).unwrap();
        assert!(postcard::from_bytes::<FromWorker>(&bytes[..bytes.len() - 1]).is_err());
        assert!(postcard::from_bytes::<FromWorker>(&[200]).is_err());
    }

    // assets/worker.js writes this message without the engine, its lengths in two bytes.
    #[test]
    fn a_fault_is_as_the_worker_script_writes_it() {
        let bytes = [15, 0, 128 | 1, 0, b'a', 128 | 2, 0, b'b', b'c'];
        let FromWorker::Fault(fault) = postcard::from_bytes(&bytes).unwrap() else {
            panic!("another variant")
        };
        let (what, advice) = ("a".to_owned(), "bc".to_owned());
        assert_eq!(fault, Fault { place: FaultPlace::Engine, what, advice });
    }

    // The same for the worker of the Lab.
    #[test]
    fn a_fault_of_the_lab_is_as_the_worker_script_writes_it() {
        let bytes = [0, 128 | 1, 0, b'a', 128 | 2, 0, b'b', b'c', 0];
        let fault = LabFault { what: "a".to_owned(), advice: "bc".to_owned(), field: None };
        assert_eq!(postcard::from_bytes(&bytes), Ok(FromLab::Fault(fault)));
    }

    #[test]
    fn a_loss_that_is_no_number_travels() {
        let phase = Phase::Diverged { step: 3, loss: f32::NAN, back_to: 0 };
        let FromLab::Phase { phase: Phase::Diverged { loss, .. }, run: 7 } =
            there_and_back(&FromLab::Phase { run: 7, phase })
        else {
            panic!("another message")
        };
        assert!(loss.is_nan());
    }

    // tests/web/lib/wire.js writes and reads these same bytes.
    #[test]
    fn bytes_are_as_the_browser_tests_know_them() {
        let sampling = Sampling { temperature: 0.5, top_k: 300, top_p: 1.0, seed: 1 };
        let bytes = postcard::to_allocvec(&sampling).unwrap();
        assert_eq!(bytes, [0, 0, 0, 63, 172, 2, 0, 0, 128, 63, 1]);
    }
}
