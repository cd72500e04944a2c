//! Nothing ends in silence: what cannot be done is an error, or says why it is none.

use super::sources::{Source, read};

/// Ways to drop something, as they stand in code whose white space is folded.
const SILENT: [&str; 7] = [
    "=> {}",
    "=> ()",
    "else { return };",
    "else { return; };",
    "let _ =",
    ".ok();",
    "else { return Ok(()) };",
];

/// Where that is right: the file, a part of the line, and why.
const RIGHT: &[(&str, &str, &str)] = &[
    ("aligned.rs", "let _ =", "a thread that ends keeps no memory"),
    ("tuning/caches.rs", "None => {}", "nothing is decided by the nearest caches"),
    ("check/array.rs", "Some(_) => {}", "the type that is allowed"),
    ("check/strided.rs", "Source::InOrder => {}", "one more axis of one element changes no order"),
    ("run/cache/mod.rs", "let _ =", "writing to a hash cannot fail"),
    ("run/cache/rows.rs", "states", "without checkpoints there are no states to save"),
    ("run/forward/output.rs", "cache", "outside of training nothing is kept"),
    ("run/backward/store_inputs.rs", "d_input", "nobody wants the gradient"),
    ("run/backward/store.rs", "states", "nobody wants the gradient"),
    ("run/threads/affinity.rs", "Some(core)", "the thread runs elsewhere already"),
    (
        "run/threads/affinity.rs",
        "allowed",
        "the system does not tell: the thread stays where it is",
    ),
    ("run/threads/affinity.rs", ".ok();", "the thread may still run on all cores but one"),
    ("lstm/batch.rs", "lengths", "without lengths all samples have all steps"),
    ("lstm/files/reader.rs", "functions", "default functions, or a finding"),
    ("cache.rs", "cache", "a call without a cache"),
    ("class.rs", ".ok();", "another thread was first and has found the same"),
    ("descriptor.rs", "name", "a field that is not there has been reported"),
    ("descriptor.rs", "length", "an object that raises has been reported"),
];

/// All silent endings of a source: the file and what stands there.
fn silent(source: &Source) -> Vec<String> {
    let code: String = source.code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for ending in SILENT {
        for (at, _) in code.match_indices(ending) {
            let start = code[..at].rfind([';', '{', '}']).map_or(0, |start| start + 1);
            let statement = code[start..at + ending.len()].trim();
            // A result that is made an option and kept is not dropped.
            if ending != ".ok();" || !statement.starts_with("let ") {
                found.push(format!("{}: {statement}", source.name));
            }
        }
    }
    found
}

#[test]
fn nothing_ends_in_silence() {
    let mut unused: Vec<_> = RIGHT.iter().collect();
    let mut wrong = Vec::new();
    for folder in ["rust/core/src", "rust/python/src"] {
        for found in read(&super::root().join(folder)).iter().flat_map(silent) {
            let is_this = |(file, text, _): &&(&str, &str, &str)| {
                found.starts_with(file) && found.contains(text)
            };
            match unused.iter().position(is_this) {
                Some(right) => {
                    unused.remove(right);
                }
                None => wrong.push(found),
            }
        }
    }
    assert!(wrong.is_empty(), "end in silence:\n{}", wrong.join("\n"));
    assert!(unused.is_empty(), "are no longer there: {unused:?}");
    assert!(RIGHT.iter().all(|(_, _, reason)| reason.len() > 10));
}

#[test]
fn planted_silence_is_found() {
    for planted in [
        "match x { Some(x) => run(x), _ => {} }",
        "match x { Some(x) => run(x), None => () }",
        "let Some(x) = x else {\n    return;\n};",
        "let Some(x) = x else { return };",
        "let Some(x) = x else { return Ok(()) };",
        "let _ = run();",
        "run().ok();",
    ] {
        let source = Source::new("planted.rs", planted);
        assert_eq!(silent(&source).len(), 1, "{planted}");
    }
    let fine = "// _ => {}\nlet Some(x) = x else { return to.fill(0.0) };\nlet y = x.ok();";
    assert_eq!(silent(&Source::new("fine.rs", fine)), Vec::<String>::new());
}
