//! The JSON Schema of a policy document.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{SafetyPolicy, Version, read};

/// The JSON Schema (2020-12) of a policy document, for editors, as committed in
/// `schema/fix-policy.v1.json`. It knows keys, kinds and defaults; the grammar of
/// globs only the engine knows.
///
/// ```
/// let schema = fix_policy::schema();
/// assert_eq!(schema["title"], "SafetyPolicy");
/// assert_eq!(schema["required"], serde_json::json!(["version"]));
/// ```
#[must_use]
pub fn schema() -> Value {
    // The same on every level: tables are written where they are used, so that each key can say its default.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<SafetyPolicy>();
    schema.insert("$id".to_owned(), "fix-policy.v1.json".into());
    let mut schema = schema.to_value();
    if let Ok(default) = read::default_tree() {
        fill_up(&mut schema, default);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("required".to_owned(), serde_json::json!(["version"]));
    }
    schema
}

/// A document may leave out what the default policy says.
fn fill_up(schema: &mut Value, default: &Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let Value::Object(default) = default else {
        object.insert("default".to_owned(), default.clone());
        return;
    };
    object.remove("required");
    for (key, default) in default {
        if let Some(schema) = schema.pointer_mut(&format!("/properties/{key}")) {
            fill_up(schema, default);
        }
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": 1})
    }
}

#[cfg(test)]
mod tests {
    /// Bless with `FIX_BLESS=1 cargo test -p fix-policy --features schema`.
    #[expect(clippy::disallowed_methods, reason = "the test compares with a committed file")]
    #[test]
    fn the_committed_schema_is_the_derived_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/fix-policy.v1.json");
        let derived = format!("{:#}\n", super::schema());
        if std::env::var("FIX_BLESS").is_ok() {
            std::fs::write(path, &derived).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), derived, "stale: bless {path}");
    }
}
