//! The fields of a configuration in JSON.
//!
//! In: values, which may be anything. Out: what each field means, with a finding where it means nothing. It does not
//! know whether they can be computed.

use super::super::config::{LstmConfig, Merge};
use super::functions::{PLACES, function_of};
use super::json;
use crate::check::Peephole;
use crate::error::{Code, DescriptorError, Issue, Path};
use crate::variant::Coupled;
use serde_json::{Map, Value};

/// Reads fields, and gathers what is wrong with them. What was reported has a value that no other finding follows.
pub(super) struct Reader<'m> {
    pub(super) fields: &'m Map<String, Value>,
    pub(super) issues: Vec<Issue>,
}

impl Reader<'_> {
    pub(super) fn error(self) -> DescriptorError {
        DescriptorError::from_issues(self.issues).unwrap_or_else(DescriptorError::unexplained)
    }

    pub(super) fn report(
        &mut self,
        name: &'static str,
        code: Code,
        expected: String,
        actual: String,
    ) {
        self.issues.push(Issue { path: Path::field(name), code, expected, actual });
    }

    /// A field, if it is there and one thing; a finding if it is another.
    fn field<T>(
        &mut self,
        name: &'static str,
        code: Code,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.fields.get(name)?;
        let found = read(value);
        if found.is_none() {
            self.report(name, code, expected.to_owned(), value.to_string());
        }
        found
    }

    pub(super) fn size(&mut self, name: &'static str) -> usize {
        let expected = "a whole number above 0";
        self.field(name, Code::WrongType, expected, size_of).unwrap_or(1)
    }

    pub(super) fn truth(&mut self, name: &'static str, default: bool) -> bool {
        self.field(name, Code::WrongType, "true or false", Value::as_bool).unwrap_or(default)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Option<f32> {
        self.field(name, Code::WrongType, "a number", json::number)
    }

    /// A number, or null for none.
    pub(super) fn limit(&mut self, name: &'static str) -> Option<f32> {
        let read = |value: &Value| {
            if value.is_null() { Some(None) } else { json::number(value).map(Some) }
        };
        self.field(name, Code::WrongType, "a number, or null", read).flatten()
    }

    pub(super) fn peephole(&mut self) -> Peephole {
        let read = |value: &Value| match value.as_str() {
            None if value.is_null() => Some(Peephole::None),
            Some("diagonal") => Some(Peephole::Diagonal),
            Some("full") => Some(Peephole::Full),
            _ => None,
        };
        let expected = "null, \"diagonal\" or \"full\"";
        self.field("peephole", Code::UnknownChoice, expected, read).unwrap_or_default()
    }

    pub(super) fn merge(&mut self) -> Merge {
        if self.fields.get("merge").is_some_and(Value::is_null) {
            let expected =
                "\"concat\", \"sum\", \"ave\" or \"mul\" (a pair is the two halves of \"concat\")";
            self.report("merge", Code::UnsupportedHere, expected.to_owned(), "null".to_owned());
            return Merge::Concat;
        }
        let read = |value: &Value| match value.as_str()? {
            "concat" => Some(Merge::Concat),
            "sum" => Some(Merge::Sum),
            "ave" => Some(Merge::Average),
            "mul" => Some(Merge::Product),
            _ => None,
        };
        let expected = "\"concat\", \"sum\", \"ave\" or \"mul\"";
        self.field("merge", Code::UnknownChoice, expected, read).unwrap_or_default()
    }

    /// Whether the direction is the reverse one.
    pub(super) fn direction(&mut self) -> bool {
        let read = |value: &Value| match value.as_str()? {
            "forward" => Some(false),
            "reverse" => Some(true),
            _ => None,
        };
        let expected = "\"forward\" or \"reverse\"";
        self.field("direction", Code::UnknownChoice, expected, read).unwrap_or(false)
    }

    pub(super) fn coupled(&mut self) -> Option<Coupled> {
        let read = |value: &Value| match value.as_str() {
            None if value.is_null() => Some(None),
            Some("forget") => Some(Some(Coupled::Forget)),
            Some("input") => Some(Some(Coupled::Input)),
            _ => None,
        };
        let expected = "null, \"forget\" or \"input\"";
        self.field("coupled", Code::UnknownChoice, expected, read).flatten()
    }

    pub(super) fn activations(&mut self, config: &mut LstmConfig) {
        let names = PLACES.map(|(name, _)| name).join(", ");
        let read = |value: &Value| match value {
            Value::Null => Some(None),
            Value::Object(functions) => Some(Some(functions.clone())),
            _ => None,
        };
        let expected = format!("null, or an object with {names}");
        let found = self.field("activations", Code::WrongType, &expected, read).flatten();
        let Some(functions) = found else {
            // Default ones, or a finding.
            return;
        };
        for name in functions.keys().filter(|&name| PLACES.iter().all(|(known, _)| known != name)) {
            self.report("activations", Code::UnexpectedEntry, names.clone(), format!("{name:?}"));
        }
        for (name, gate) in PLACES {
            let Some(function) = functions.get(name) else {
                let path = Path::field("activations").then(name);
                let (expected, actual) = (names.clone(), "no such entry".to_owned());
                self.issues.push(Issue { path, code: Code::MissingEntry, expected, actual });
                continue;
            };
            match (function_of(function), gate) {
                (Some(function), Some(gate)) => config.set_activation(gate, function),
                (Some(function), None) => config.set_hidden_activation(function),
                (None, _) => self.issues.push(Issue {
                    path: Path::field("activations").then(name),
                    code: Code::WrongType,
                    expected: "a function's name, alpha and beta".to_owned(),
                    actual: function.to_string(),
                }),
            }
        }
    }

    pub(super) fn lengths(&mut self) -> Option<Vec<usize>> {
        let read = |value: &Value| match value {
            Value::Null => Some(None),
            Value::Array(lengths) => lengths.iter().map(size_of).collect::<Option<_>>().map(Some),
            _ => None,
        };
        self.field("lengths", Code::WrongType, "whole numbers, or null", read).flatten()
    }
}

fn size_of(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
