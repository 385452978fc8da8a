//! Chat templates: how an instruction model wants a conversation written, as a Jinja template that
//! comes with it. Rendered by minijinja as transformers does it with jinja2
//! (`apply_chat_template`): blocks trimmed, Python's string methods, `raise_exception`, and JSON
//! as Python writes it.
//!
//! A template is a program out of a model's files. It has fuel, of which every step and every byte
//! that it makes costs some, so that neither endless loops nor texts that double end in more than
//! a refusal; it reaches nothing but the conversation.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, State, context};

use crate::error::{ModelError, shown};

/// The longest template; the longest that are published have some 20 kB.
const MAX_TEMPLATE: usize = 128 << 10;
/// The longest conversation.
const MAX_CONVERSATION: usize = 1 << 20;
/// A step costs 1, 64 bytes cost 1: enough for a megabyte of conversation passed around ten times.
const FUEL: u64 = 400_000;
/// Macros within macros.
const MAX_DEPTH: usize = 64;

/// A template, and what it may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatTemplate {
    /// Jinja.
    pub source: String,
    /// The text of the token that begins a text; empty if there is none.
    pub bos: String,
    /// The text of the token that ends one.
    pub eos: String,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// `system`, `user`, `assistant`.
    pub role: String,
    /// The words.
    pub content: String,
}

/// Writes a conversation as the template has it, with what opens the model's answer behind it.
///
/// # Errors
/// A template that is no Jinja, that raises an exception of its own (such as for roles that do not
/// alternate), or that runs out of fuel.
pub fn render(file: &str, template: &ChatTemplate, turns: &[Turn]) -> Result<String, ModelError> {
    let limit = |field: &str, value: usize, limit: usize| ModelError::Limit {
        file: file.to_owned(),
        field: field.to_owned(),
        value: value as u64,
        limit: limit as u64,
    };
    if template.source.len() > MAX_TEMPLATE {
        return Err(limit("chat_template: length in bytes", template.source.len(), MAX_TEMPLATE));
    }
    let n_bytes = turns.iter().map(|turn| turn.role.len() + turn.content.len()).sum();
    if n_bytes > MAX_CONVERSATION {
        return Err(limit("the conversation: length in bytes", n_bytes, MAX_CONVERSATION));
    }
    let refuse = |err: &Error| {
        let what = match err.kind() {
            ErrorKind::OutOfFuel => "takes too long or makes too much text".to_owned(),
            _ => shown(&err.to_string()),
        };
        ModelError::tokenizer(file, "chat_template", what)
    };
    let mut jinja = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    jinja.set_syntax(syntax.map_err(|err| refuse(&err))?);
    jinja.set_fuel(Some(FUEL));
    jinja.set_recursion_limit(MAX_DEPTH);
    jinja.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    jinja.add_function("raise_exception", raise_exception);
    jinja.add_filter("tojson", tojson);
    let messages: Vec<Value> = turns
        .iter()
        .map(|turn| context! { role => turn.role.as_str(), content => turn.content.as_str() })
        .collect();
    let told = context! {
        messages => messages,
        // Given, though there are none: templates ask whether they are defined.
        tools => (),
        documents => (),
        add_generation_prompt => true,
        bos_token => template.bos.as_str(),
        eos_token => template.eos.as_str(),
    };
    let parsed = jinja.template_from_str(&template.source).map_err(|err| refuse(&err))?;
    parsed.render(told).map_err(|err| refuse(&err))
}

fn raise_exception(words: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, words.to_owned()))
}

/// JSON as Python's `json.dumps(…, ensure_ascii=False)`: minijinja's own filter escapes what HTML
/// would read.
fn tojson(_: &State, value: &Value, indent: Option<Value>, args: Kwargs) -> Result<String, Error> {
    let escaped = minijinja::filters::tojson(value, indent, args)?.to_string();
    let mut plain = String::with_capacity(escaped.len());
    let mut rest = escaped.as_str();
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let escapes = [
            ("\\u003c", "<"),
            ("\\u003e", ">"),
            ("\\u0026", "&"),
            ("\\u0027", "'"),
            ("\\\\", "\\\\"),
        ];
        match escapes.iter().find(|(escape, _)| rest.starts_with(escape)) {
            Some((escape, character)) => {
                plain.push_str(character);
                rest = &rest[escape.len()..];
            }
            None => {
                plain.push('\\');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn rendered(source: &str, turns: &[(&str, &str)]) -> Result<String, ModelError> {
        let template =
            ChatTemplate { source: source.into(), bos: "<s>".into(), eos: "</s>".into() };
        let turn = |(role, content): &(&str, &str)| Turn {
            role: (*role).into(),
            content: (*content).into(),
        };
        render("m.gguf", &template, &turns.iter().map(turn).collect::<Vec<_>>())
    }

    #[test]
    fn json_is_as_python_writes_it() {
        let json = rendered("{{ messages | tojson }}", &[("user", "<a & 'b'> \\u003c \"é\"")]);
        assert_eq!(json.unwrap(), r#"[{"role": "user", "content": "<a & 'b'> \\u003c \"é\""}]"#);
    }

    #[test]
    fn refusals_are_in_the_templates_words() {
        let said = rendered("{{ raise_exception('roles must alternate') }}", &[]).unwrap_err();
        assert!(said.to_string().contains("roles must alternate"), "{said}");
        let said = rendered("{% for m in messages %}", &[]).unwrap_err().to_string();
        assert!(said.contains("chat_template"), "{said}");
        assert!(rendered(&"a".repeat(MAX_TEMPLATE + 1), &[]).is_err());
        let long = "b".repeat(MAX_CONVERSATION);
        assert!(rendered("{{ messages[0].content }}", &[("user", &long)]).is_err());
    }

    #[test]
    fn hostile_templates_are_refused_within_a_second() {
        let doubled = "{% set s = s ~ s %}".repeat(60);
        let captured = "{% set s %}{{ s }}{{ s }}{% endset %}".repeat(60);
        let nested = "{% for i in range(1000) %}".repeat(8) + "x" + &"{% endfor %}".repeat(8);
        for source in [
            format!("{{% set s = 'aaaaaaaa' %}}{doubled}{{{{ s }}}}"),
            format!("{{% set s = 'aaaaaaaa' %}}{captured}{{{{ s }}}}"),
            nested,
            "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}".to_owned(),
            "{{ 'a' * 99999999 }}".to_owned(),
            "{{ range(100000) | list | join('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}{% for i in range(99999) %}{{ range(99999) | list }}{% endfor %}".to_owned(),
            "{{ 'a'.replace('', 'bbbbbbbbbbbbbbbbbb' * 1000000) }}".to_owned(),
            "{{ ".to_owned() + &"(".repeat(20_000),
            "{% include '/etc/passwd' %}".to_owned(),
            "{{ ''.__class__.__mro__ }}{{ messages.__init__.__globals__ }}{{ x.y.z }}".to_owned(),
        ] {
            let from = Instant::now();
            let outcome = rendered(&source, &[("user", "hello")]);
            assert!(from.elapsed() <= Duration::from_secs(1), "{}", shown(&source));
            assert!(outcome.is_err(), "{}", shown(&source));
        }
    }
}
