//! What the metadata of a file say.
//!
//! In: texts by name, which may say anything. Out: a configuration and lengths, with a finding for everything that
//! does not hold; and the way back. It knows no array.

use super::super::config::{LstmConfig, Merge};
use super::entries::Metadata;
use super::reader::Reader;
use super::{functions, json};
use crate::check::Peephole;
use crate::error::{Code, DescriptorError, Issue, Path};
use crate::variant::Coupled;
use serde_json::{Map, Value};

const FORMAT: &str = "bnns-lstm";
const VERSION: &str = "1";

/// The fields that every file has; others are those of [`LATER`].
const FIELDS: [&str; 9] = [
    "input_size",
    "hidden_size",
    "num_layers",
    "bidirectional",
    "bias",
    "batch_first",
    "dropout",
    "peephole",
    "activations",
];

/// The fields that a file has where they say something.
const LATER: [&str; 8] = [
    "merge",
    "cell_clip",
    "gate_clip",
    "gate_clip_hidden",
    "direction",
    "coupled",
    "proj_size",
    "lengths",
];

/// What a file says beside its arrays.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) config: LstmConfig,
    pub(super) lengths: Option<Vec<usize>>,
}

/// Read metadata; `arrays` is how many arrays the file has, which bound everything that it claims.
pub(super) fn read(metadata: &Metadata, arrays: usize) -> Result<Described, DescriptorError> {
    let fields = fields_of(metadata)?;
    let mut reader = Reader { fields: &fields, issues: Vec::new() };
    for name in FIELDS.iter().filter(|&&name| !fields.contains_key(name)) {
        reader.report(
            "config",
            Code::MissingEntry,
            format!("a field {name:?}"),
            "no such field".into(),
        );
    }
    let known: Vec<_> = FIELDS.into_iter().chain(LATER).collect();
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        let expected = format!("only the fields {}", known.join(", "));
        reader.report("config", Code::UnexpectedEntry, expected, format!("{name:?}"));
    }
    if !reader.issues.is_empty() {
        return Err(reader.error());
    }
    let mut config = LstmConfig::new(reader.size("input_size"), reader.size("hidden_size"));
    config.num_layers = reader.size("num_layers");
    config.bidirectional = reader.truth("bidirectional", false);
    config.bias = reader.truth("bias", true);
    config.batch_first = reader.truth("batch_first", false);
    config.dropout = reader.number("dropout").unwrap_or(0.0);
    config.peephole = reader.peephole();
    config.merge = reader.merge();
    config.cell_clip = reader.limit("cell_clip");
    config.gate_clip = reader.limit("gate_clip");
    config.gate_clip_hidden = reader.truth("gate_clip_hidden", true);
    config.reverse = reader.direction();
    config.coupled = reader.coupled();
    if fields.contains_key("proj_size") {
        config.proj_size = reader.size("proj_size");
    }
    reader.activations(&mut config);
    let lengths = reader.lengths();
    if config.num_layers > arrays.max(1) {
        let actual = format!("{} with {arrays} arrays", config.num_layers);
        let expected = "at most one layer for each array".to_owned();
        reader.report("num_layers", Code::MissingEntry, expected, actual);
    }
    if reader.issues.is_empty() { Ok(Described { config, lengths }) } else { Err(reader.error()) }
}

/// The configuration of a file of this package.
fn fields_of(metadata: &Metadata) -> Result<Map<String, Value>, DescriptorError> {
    let text =
        |name: &str| metadata.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str());
    let fail = |name, code, expected: &str, found: Option<&str>| {
        let path = Path::field("metadata").then(name);
        let actual = found.map_or("none".to_owned(), |found| format!("{found:?}"));
        Err(DescriptorError::from(Issue { path, code, expected: expected.to_owned(), actual }))
    };
    if text("format") != Some(FORMAT) {
        let expected =
            "\"bnns-lstm\" (weights of PyTorch have no configuration: `from_torch` takes them)";
        return fail("format", Code::ForeignFile, expected, text("format"));
    }
    if text("version") != Some(VERSION) {
        return fail("version", Code::ForeignFile, "\"1\"", text("version"));
    }
    match text("config").and_then(json::parse) {
        Some(Value::Object(fields)) => Ok(fields),
        _ => fail("config", Code::DamagedFile, "an object in JSON", text("config")),
    }
}

/// The metadata of a file.
pub(super) fn write(config: &LstmConfig, lengths: Option<&[usize]>) -> Metadata {
    let text = |name: &str| format!("\"{name}\"");
    let or_null = |found: Option<String>| found.unwrap_or_else(|| "null".to_owned());
    let peephole = match config.peephole {
        Peephole::None => None,
        Peephole::Diagonal => Some("diagonal"),
        Peephole::Full => Some("full"),
    };
    let merge = match config.merge {
        Merge::Concat => None,
        Merge::Sum => Some("sum"),
        Merge::Average => Some("ave"),
        Merge::Product => Some("mul"),
    };
    let coupled = config.coupled.map(|coupled| match coupled {
        Coupled::Forget => "forget",
        Coupled::Input => "input",
    });
    let fields = [
        ("input_size", Some(config.input_size.to_string())),
        ("hidden_size", Some(config.hidden_size.to_string())),
        ("num_layers", Some(config.num_layers.to_string())),
        ("bidirectional", Some(config.bidirectional.to_string())),
        ("bias", Some(config.bias.to_string())),
        ("batch_first", Some(config.batch_first.to_string())),
        ("dropout", Some(json::written(config.dropout))),
        ("peephole", Some(or_null(peephole.map(text)))),
        ("merge", merge.map(text)),
        ("cell_clip", config.cell_clip.map(json::written)),
        ("gate_clip", config.gate_clip.map(json::written)),
        ("gate_clip_hidden", (!config.gate_clip_hidden).then(|| "false".to_owned())),
        ("direction", config.reverse.then(|| text("reverse"))),
        ("coupled", coupled.map(text)),
        ("proj_size", (config.proj_size > 0).then(|| config.proj_size.to_string())),
        ("activations", Some(or_null(functions::written(config)))),
        ("lengths", lengths.map(|lengths| format!("{lengths:?}"))),
    ];
    let fields =
        fields.into_iter().filter_map(|(name, value)| Some(format!("\"{name}\": {}", value?)));
    let config = format!("{{{}}}", fields.collect::<Vec<_>>().join(", "));
    let pairs =
        [("format", FORMAT.to_owned()), ("version", VERSION.to_owned()), ("config", config)];
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}
