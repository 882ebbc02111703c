//! A JSON document of bounded size, borrowed from its text.
//!
//! `serde_json` reads the text; what is built is bounded in depth and in values,
//! keeps the order of keys, and reports keys that come twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::not_json::not_json;
use super::pointer::At;
use crate::limits::{KEY_BYTES_MAX, PLAN_BYTES_MAX, PLAN_DEPTH_MAX, PLAN_VALUES_MAX};
use crate::violation::{PlanError, Violation, ViolationCode, Violations};

/// One JSON value.
#[derive(Debug)]
pub(crate) enum Node<'t> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'t, str>),
    Array(Vec<Self>),
    Object(Vec<(Cow<'t, str>, Self)>),
}

impl Node<'_> {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The same value without borrows.
    pub(crate) fn into_value(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => value.into(),
            Self::Number(value) => value.into(),
            Self::String(value) => value.into_owned().into(),
            Self::Array(items) => items.into_iter().map(Node::into_value).collect(),
            Self::Object(mut entries) => {
                // Sorted here, so that a canonical form does not depend on how the map keeps its keys.
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                let entries = entries.into_iter().map(|(key, value)| (key.into_owned(), value.into_value()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }
}

/// Reads one JSON value and nothing else; duplicate keys are added to `violations`.
pub(crate) fn read<'t>(text: &'t [u8], violations: &mut Violations) -> Result<Node<'t>, PlanError> {
    if text.len() > PLAN_BYTES_MAX {
        let message = format!("is longer than {PLAN_BYTES_MAX} bytes; answer with the plan alone");
        return Err(PlanError::one("", ViolationCode::TooLarge, message));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        PlanError::one(
            "",
            ViolationCode::NotUtf8,
            format!("is not UTF-8 from byte {}; answer in UTF-8", error.valid_up_to()),
        )
    })?;
    let mut bounds = Bounds { values: 0, stop: None, duplicates: violations };
    let mut json = serde_json::Deserializer::from_str(text);
    let outcome = Seed { bounds: &mut bounds, depth: 0, at: &At::Root }
        .deserialize(&mut json)
        .and_then(|node| json.end().map(|()| node));
    let stop = bounds.stop.take();
    outcome.map_err(|error| match stop {
        Some(violation) => PlanError::new(vec![violation]),
        None => PlanError::new(vec![not_json(text, &error)]),
    })
}

struct Bounds<'v> {
    values: usize,
    stop: Option<Violation>,
    duplicates: &'v mut Violations,
}

impl Bounds<'_> {
    fn enter(&mut self, depth: usize) -> Result<(), ()> {
        self.values += 1;
        let (code, message) = if depth > PLAN_DEPTH_MAX {
            (ViolationCode::TooDeep, format!("is nested more than {PLAN_DEPTH_MAX} levels deep"))
        } else if self.values > PLAN_VALUES_MAX {
            (ViolationCode::TooManyValues, format!("holds more than {PLAN_VALUES_MAX} values"))
        } else {
            return Ok(());
        };
        self.stop = Some(Violation::new("", code, message));
        Err(())
    }

    fn key(&mut self, at: &At<'_>, key: &str) -> Result<(), ()> {
        if key.len() <= KEY_BYTES_MAX {
            return Ok(());
        }
        let message = format!("is a key of more than {KEY_BYTES_MAX} bytes; no field has such a name");
        self.stop = Some(Violation::new(at.to_string(), ViolationCode::KeyTooLong, message));
        Err(())
    }
}

struct Seed<'b, 'v> {
    bounds: &'b mut Bounds<'v>,
    depth: usize,
    at: &'b At<'b>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node<'de>, E> {
        self.scalar(Node::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node<'de>, E> {
        self.scalar(Node::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node<'de>, E> {
        self.scalar(Node::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node<'de>, E> {
        self.scalar(Node::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node<'de>, E> {
        match Number::from_f64(value) {
            Some(number) => self.scalar(Node::Number(number)),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, value: &'de str) -> Result<Node<'de>, E> {
        self.scalar(Node::String(Cow::Borrowed(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node<'de>, E> {
        self.scalar(Node::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let Self { bounds, depth, at } = self;
        let depth = depth + 1;
        bounds.enter(depth).map_err(|()| A::Error::custom("out of bounds"))?;
        let mut array = Vec::new();
        loop {
            let at = at.index(array.len());
            match items.next_element_seed(Seed { bounds, depth, at: &at })? {
                Some(item) => array.push(item),
                None => break,
            }
        }
        Ok(Node::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let Self { bounds, depth, at } = self;
        let depth = depth + 1;
        bounds.enter(depth).map_err(|()| A::Error::custom("out of bounds"))?;
        // Most objects of a plan have two to five members.
        let mut object: Vec<(Cow<'de, str>, Node<'de>)> = Vec::with_capacity(5);
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            let at = at.key(&key);
            bounds.key(&at, &key).map_err(|()| A::Error::custom("out of bounds"))?;
            let value = entries.next_value_seed(Seed { bounds, depth, at: &at })?;
            object.push((key, value));
        }
        for key in repeated_keys(&object) {
            let message = "comes twice in one object; write each key once";
            bounds.duplicates.push(Violation::new(at.key(key).to_string(), ViolationCode::DuplicateKey, message));
        }
        Ok(Node::Object(object))
    }
}

/// The keys that come more than once, each once. Few are compared with each other, many are sorted.
fn repeated_keys<'o>(object: &'o [(Cow<'_, str>, Node<'_>)]) -> Vec<&'o str> {
    const FEW: usize = 16;
    let is_unique =
        |(index, (key, _)): (usize, &(Cow<'_, str>, _))| object.iter().take(index).all(|(other, _)| other != key);
    if object.len() <= FEW && object.iter().enumerate().all(is_unique) {
        return Vec::new();
    }
    let mut keys: Vec<&str> = object.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    let same = |pair: &[&'o str]| matches!(pair, [a, b] if a == b).then(|| pair.first().copied()).flatten();
    let mut repeated: Vec<&str> = keys.windows(2).filter_map(same).collect();
    repeated.dedup();
    repeated
}

impl Seed<'_, '_> {
    fn scalar<'de, E: serde::de::Error>(self, node: Node<'de>) -> Result<Node<'de>, E> {
        self.bounds.enter(self.depth).map_err(|()| E::custom("out of bounds"))?;
        Ok(node)
    }
}

/// A key, borrowed where it has no escapes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::VIOLATIONS_MAX;

    fn codes(text: &str) -> Vec<ViolationCode> {
        let mut found = Violations::default();
        match read(text.as_bytes(), &mut found) {
            Ok(_) => found.or(()).map_or_else(|error| error.violations().to_vec(), |()| Vec::new()),
            Err(error) => error.violations().to_vec(),
        }
        .into_iter()
        .map(|violation| violation.code)
        .collect()
    }

    #[test]
    fn repeated_keys_are_few_however_many_there_are() {
        assert_eq!(codes(r#"{"a": 1, "b": {"c": 1, "c": 2, "c": 3}}"#), [ViolationCode::DuplicateKey]);
        let members: Vec<String> = (0..2_000).map(|n| format!("\"{}\":0,\"{}\":1", n, n)).collect();
        assert_eq!(codes(&format!("{{{}}}", members.join(","))).len(), VIOLATIONS_MAX);
        let unique: Vec<String> = (0..4_000).map(|n| format!("\"k{n}\":0")).collect();
        assert_eq!(codes(&format!("{{{}}}", unique.join(","))), []);
    }

    #[test]
    fn a_key_has_a_bound() {
        let object = |bytes: usize| format!("{{\"{}\":{{\"\":0,\"\":0}}}}", "k".repeat(bytes));
        assert_eq!(codes(&object(KEY_BYTES_MAX)), [ViolationCode::DuplicateKey]);
        assert_eq!(codes(&object(KEY_BYTES_MAX + 1)), [ViolationCode::KeyTooLong]);
    }
}
