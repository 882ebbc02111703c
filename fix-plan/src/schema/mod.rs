//! The JSON Schema of a plan (2020-12), for model APIs and for editors.
//!
//! The schema helps a model to answer in the right shape. It never replaces
//! [`FixPlan::parse`](crate::FixPlan::parse): a value that fits the schema may
//! still break a rule between two fields, or the grammar of a version.

mod dialect;

pub use dialect::Dialect;
use schemars::generate::SchemaSettings;

use crate::wire::WirePlan;

/// The canonical schema, as committed in `schema/fix-plan.v1.json`.
///
/// ```
/// let schema = fix_plan::schema::canonical();
/// assert_eq!(schema["title"], "FixPlan");
/// ```
#[must_use]
pub fn canonical() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<WirePlan>();
    schema.insert("$id".to_owned(), "fix-plan.v1.json".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    /// Bless with `FIX_BLESS=1 cargo test -p fix-plan --features schema`.
    #[expect(clippy::disallowed_methods, reason = "the test compares with committed files")]
    fn golden(name: &str, derived: &str) {
        let path = format!("{}/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var("FIX_BLESS").is_ok() {
            std::fs::write(&path, derived).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), derived, "stale: bless {path}");
    }

    #[test]
    fn the_committed_schemas_are_the_derived_ones() {
        golden("fix-plan.v1", &format!("{:#}\n", super::canonical()));
        for dialect in Dialect::ALL {
            golden(&format!("fix-plan.v1.{}", dialect.name()), &dialect.text());
        }
    }
}
