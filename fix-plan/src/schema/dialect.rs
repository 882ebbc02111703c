//! The schema as particular model APIs take it.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::canonical;

/// A dialect of JSON Schema that a model API understands.
///
/// Each is derived from the [canonical] schema and asks for the same plans; what a
/// dialect can't say is left out, and the parser says it. The two operations with
/// free-form details are in the canonical schema only.
///
/// | dialect | differs by |
/// |---|---|
/// | `OpenAiStrict` | every property is required (an absent one is `null`), `anyOf`, nothing beside `$ref`, no lengths |
/// | `Anthropic` | `anyOf`, no bounds of numbers, lengths or items, no patterns |
/// | `Ollama` | for Ollama and other users of llguidance: properties in the order they are to be written, `type` first |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI, and servers like it, with `strict: true`.
    OpenAiStrict,
    /// Anthropic.
    Anthropic,
    /// Ollama's `format`, and llguidance.
    Ollama,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::OpenAiStrict, Self::Anthropic, Self::Ollama];

    /// The name of the committed file: `openai-strict`, `anthropic`, `ollama`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiStrict => "openai-strict",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }

    /// The keywords that may stand in the schema.
    #[must_use]
    pub fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::OpenAiStrict => &[
                "$defs",
                "$ref",
                "additionalProperties",
                "anyOf",
                "description",
                "enum",
                "items",
                "maxItems",
                "maximum",
                "minItems",
                "minimum",
                "pattern",
                "properties",
                "required",
                "type",
            ],
            Self::Anthropic => &[
                "$defs",
                "$ref",
                "additionalProperties",
                "anyOf",
                "description",
                "enum",
                "items",
                "properties",
                "required",
                "type",
            ],
            Self::Ollama => &[
                "$defs",
                "$ref",
                "additionalProperties",
                "anyOf",
                "description",
                "enum",
                "items",
                "maxItems",
                "maxLength",
                "maximum",
                "minItems",
                "minLength",
                "minimum",
                "pattern",
                "properties",
                "required",
                "type",
            ],
        }
    }

    /// The schema, to be put into a request as it is: its properties stand in the order in which a
    /// model should write them, which a [`Value`] would not keep; without white space, which some
    /// services count.
    #[must_use]
    pub fn schema(self) -> Box<RawValue> {
        // No string of the schema holds a line end. What is written from a value is JSON.
        let compact = self.text().lines().map(str::trim_start).collect();
        RawValue::from_string(compact).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }

    /// The same as text, as committed.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = String::new();
        write(&mut text, &self.value(), 0);
        text.push('\n');
        text
    }

    fn value(self) -> Value {
        self.translate(canonical())
    }

    fn translate(self, value: Value) -> Value {
        match value {
            Value::Object(mut object) => {
                if let Some(constant) = object.remove("const") {
                    object.insert("enum".to_owned(), json!([constant]));
                }
                if let Some(Value::Array(variants)) = object.remove("oneOf") {
                    let variants = variants.into_iter().filter(|variant| !is_free_form(variant)).collect();
                    object.insert("anyOf".to_owned(), Value::Array(variants));
                }
                // Alternatives that only name required fields: every dialect asks for objects whole.
                let names_only = |variant: &Value| {
                    variant.as_object().is_some_and(|variant| variant.keys().all(|key| key == "required"))
                };
                if object.get("anyOf").and_then(Value::as_array).is_some_and(|variants| variants.iter().all(names_only))
                {
                    object.remove("anyOf");
                }
                self.translate_object(object)
            }
            Value::Array(items) => items.into_iter().map(|item| self.translate(item)).collect(),
            other => other,
        }
    }

    fn translate_object(self, mut object: Map<String, Value>) -> Value {
        if let (Self::OpenAiStrict, Some(reference)) = (self, object.get("$ref").cloned()) {
            return json!({"$ref": reference});
        }
        if self == Self::OpenAiStrict {
            require_all(&mut object);
        }
        let mut translated = Map::new();
        for (key, value) in object {
            // Below these two stand names of fields, not keywords.
            if matches!(key.as_str(), "properties" | "$defs") {
                let Value::Object(members) = value else { continue };
                let members = members.into_iter().map(|(name, member)| (name, self.translate(member)));
                translated.insert(key, Value::Object(members.collect()));
            } else if self.keywords().contains(&key.as_str()) {
                translated.insert(key, self.translate(value));
            }
        }
        Value::Object(translated)
    }
}

/// Adds the optional fields to `required`, behind those that are there.
fn require_all(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get("properties") else { return };
    let mut required: Vec<Value> = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for name in properties.keys() {
        let name = Value::from(name.as_str());
        if !required.contains(&name) {
            required.push(name);
        }
    }
    object.insert("required".to_owned(), Value::Array(required));
}

/// An operation whose details are any object.
fn is_free_form(variant: &Value) -> bool {
    variant.pointer("/properties/details/additionalProperties") == Some(&Value::Bool(true))
}

/// Writes JSON with two blanks a level. The members of `properties` come in the order of the
/// `required` beside them, then by name.
fn write(text: &mut String, value: &Value, level: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            let entries: Vec<(&String, &Value)> = object.iter().collect();
            write_object(text, &entries, object, level);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push_str("[\n");
            for (index, item) in items.iter().enumerate() {
                indent(text, level + 1);
                write(text, item, level + 1);
                text.push_str(if index + 1 < items.len() { ",\n" } else { "\n" });
            }
            indent(text, level);
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn write_object(text: &mut String, entries: &[(&String, &Value)], parent: &Map<String, Value>, level: usize) {
    text.push_str("{\n");
    for (index, (key, value)) in entries.iter().enumerate() {
        indent(text, level + 1);
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push_str(": ");
        match value {
            Value::Object(members) if key.as_str() == "properties" && !members.is_empty() => {
                let required = parent.get("required").and_then(Value::as_array);
                let rank = |name: &str| {
                    required.and_then(|required| required.iter().position(|other| other == name)).unwrap_or(usize::MAX)
                };
                let mut ordered: Vec<(&String, &Value)> = members.iter().collect();
                ordered.sort_by_key(|(name, _)| (rank(name), *name));
                write_object(text, &ordered, members, level + 1);
            }
            value => write(text, value, level + 1),
        }
        text.push_str(if index + 1 < entries.len() { ",\n" } else { "\n" });
    }
    indent(text, level);
    text.push('}');
}

fn indent(text: &mut String, level: usize) {
    text.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    found.push(key.clone());
                    match value {
                        Value::Object(members) if key == "properties" || key == "$defs" => {
                            members.values().for_each(|member| keywords(member, found));
                        }
                        value => keywords(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| keywords(item, found)),
            _ => {}
        }
    }

    #[test]
    fn no_dialect_uses_a_keyword_that_it_does_not_know() {
        for dialect in Dialect::ALL {
            let mut found = Vec::new();
            keywords(&dialect.value(), &mut found);
            found.retain(|keyword| !dialect.keywords().contains(&keyword.as_str()));
            assert_eq!(found, [""; 0], "{dialect:?}");
        }
    }

    #[test]
    fn strict_means_every_property_and_no_other() {
        fn check(value: &Value) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                assert_eq!(value["additionalProperties"], false, "{value}");
                assert_eq!(value["required"].as_array().unwrap().len(), properties.len(), "{value}");
            }
            if let Some(object) = value.as_object() {
                assert!(!object.contains_key("$ref") || object.len() == 1, "{value}");
                object.values().for_each(check);
            }
            if let Some(items) = value.as_array() {
                items.iter().for_each(check);
            }
        }
        check(&Dialect::OpenAiStrict.value());
    }

    #[test]
    fn a_model_writes_the_type_first() {
        let text = Dialect::Ollama.text();
        let (first, second) = (text.find("\"type\": {\n").unwrap(), text.find("\"file\": {\n").unwrap());
        assert!(first < second, "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Dialect::Ollama.value());
        let schema = Dialect::Ollama.schema();
        assert!(schema.get().find("\"type\": {\"enum\"").unwrap() < schema.get().find("\"file\": {").unwrap());
        assert_eq!(serde_json::from_str::<Value>(schema.get()).unwrap(), Dialect::Ollama.value());
    }
}
