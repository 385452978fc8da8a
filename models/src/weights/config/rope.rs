//! Rotary positions as configurations spell them.
//!
//! transformers 4: `rope_theta` (GPT-NeoX: `rotary_emb_base`), `rope_scaling { type or rope_type,
//! factor, … }`, and `partial_rotary_factor` (GPT-NeoX: `rotary_pct`) at the top. transformers 5: `rope_parameters { rope_type, rope_theta,
//! partial_rotary_factor, factor, … }`, or one such object a layer type. GGUF: `rope.freq_base`,
//! `rope.scaling.type`, `rope.scaling.factor`.

use super::ConfigFields;
use crate::error::{ModelError, shown};

/// How rotary angles are stretched for longer contexts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Positions divided by a factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Llama 3's scaling by wavelength.
    Llama3 {
        /// Divides the frequencies of long wavelengths.
        factor: f64,
        /// Wavelengths above `original_n_ctx / low_freq_factor` are divided.
        low_freq_factor: f64,
        /// Wavelengths below `original_n_ctx / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// The context of the first training.
        original_n_ctx: usize,
    },
}

/// What a configuration says of rotary positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeFields {
    /// The base of the frequencies; `None` where the file leaves it to the architecture.
    pub theta: Option<f64>,
    /// The part of a head that is rotated; `None` where the file leaves it to the architecture.
    pub partial_rotary_factor: Option<f64>,
    /// The scaling.
    pub scaling: RopeScaling,
}

impl<'a> ConfigFields<'a> {
    /// The rotary fields, in whichever spelling; `layer_type` picks among several sets
    /// (`"full_attention"`).
    pub fn rope(&self, layer_type: Option<&'a str>) -> Result<RopeFields, ModelError> {
        if self.is_gguf() {
            return self.rope_from_gguf();
        }
        let parameters = match self.object("rope_parameters")? {
            Some(all) => match layer_type.map(|layer_type| all.object(layer_type)).transpose()? {
                Some(Some(of_layer)) => Some(of_layer),
                _ => Some(all),
            },
            None => None,
        };
        let fields = parameters.unwrap_or(*self);
        let first = |names: [&str; 2]| {
            let places = [(&fields, names[0]), (self, names[0]), (self, names[1])];
            let found = places.into_iter().find(|(fields, name)| fields.has(name));
            found.map_or(Ok(None), |(fields, name)| fields.opt_positive(name))
        };
        let theta = first(["rope_theta", "rotary_emb_base"])?;
        let partial = first(["partial_rotary_factor", "rotary_pct"])?;
        if let Some(part) = partial.filter(|part| *part > 1.0) {
            let problem = format!("is {part:?}; at most 1 is expected");
            return Err(fields.refusal("partial_rotary_factor", problem));
        }
        let scaling = match parameters {
            Some(parameters) => Some(parameters),
            None => self.object("rope_scaling")?,
        };
        let scaling = scaling.map_or(Ok(RopeScaling::None), |fields| fields.rope_scaling())?;
        Ok(RopeFields { theta, partial_rotary_factor: partial, scaling })
    }

    fn rope_scaling(&self) -> Result<RopeScaling, ModelError> {
        let field = if self.has("rope_type") { "rope_type" } else { "type" };
        match self.opt_text(field)? {
            None | Some("default") => Ok(RopeScaling::None),
            Some("linear") => Ok(RopeScaling::Linear { factor: self.positive("factor")? }),
            Some("llama3") => Ok(RopeScaling::Llama3 {
                factor: self.positive("factor")?,
                low_freq_factor: self.positive("low_freq_factor")?,
                high_freq_factor: self.positive("high_freq_factor")?,
                original_n_ctx: self.count("original_max_position_embeddings")?,
            }),
            Some(other) => Err(self.unknown_scaling(field, other)),
        }
    }

    fn rope_from_gguf(&self) -> Result<RopeFields, ModelError> {
        let scaling = match self.opt_text("rope.scaling.type")? {
            None | Some("none") => RopeScaling::None,
            Some("linear") => RopeScaling::Linear { factor: self.positive("rope.scaling.factor")? },
            Some(other) => return Err(self.unknown_scaling("rope.scaling.type", other)),
        };
        Ok(RopeFields {
            theta: self.opt_positive("rope.freq_base")?,
            partial_rotary_factor: None,
            scaling,
        })
    }

    fn unknown_scaling(&self, field: &str, name: &str) -> ModelError {
        let problem =
            format!("is {}; supported rope scalings: default, linear, llama3", shown(name));
        self.refusal(field, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rope(value: Value, layer_type: Option<&'static str>) -> Result<RopeFields, ModelError> {
        let Value::Object(object) = value else { panic!("an object is expected") };
        ConfigFields::from_json("config.json", &object).rope(layer_type)
    }

    #[test]
    fn both_spellings_agree() {
        let old = json!({"rope_theta": 5e5, "partial_rotary_factor": 0.5, "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}});
        let new = json!({"rope_parameters": {
            "rope_theta": 5e5, "partial_rotary_factor": 0.5, "rope_type": "llama3",
            "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}});
        let old = rope(old, None).unwrap();
        assert_eq!(Ok(old), rope(new, None));
        assert_eq!(old.theta, Some(5e5));
        assert_eq!(rope(json!({"rope_scaling": null}), None).unwrap().scaling, RopeScaling::None);
    }

    #[test]
    fn names_of_gpt_neox() {
        let old = rope(json!({"rotary_pct": 0.25, "rotary_emb_base": 1000}), None).unwrap();
        assert_eq!((old.theta, old.partial_rotary_factor), (Some(1000.0), Some(0.25)));
    }

    #[test]
    fn one_set_a_layer_type() {
        let value = json!({"rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}});
        let full = rope(value.clone(), Some("full_attention")).unwrap();
        assert_eq!((full.theta, full.scaling), (Some(1e6), RopeScaling::Linear { factor: 8.0 }));
        assert_eq!(rope(value, Some("sliding_attention")).unwrap().theta, Some(1e4));
    }

    #[test]
    fn unknown_scaling_is_refused_by_name() {
        let yarn = rope(json!({"rope_scaling": {"type": "yarn", "factor": 4.0}}), None);
        assert!(yarn.unwrap_err().to_string().contains("rope_scaling.type: is \"yarn\""));
        assert!(rope(json!({"rope_scaling": {"type": "linear"}}), None).is_err());
        assert!(rope(json!({"rope_scaling": {"type": "linear", "factor": 0}}), None).is_err());
        assert!(rope(json!({"partial_rotary_factor": 1.5}), None).is_err());
    }
}
