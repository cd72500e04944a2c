//! `docs/errors.md` and Python's constants are what `Code` says.

use bnns_lstm::Code;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Error codes

Every issue of an error has one of these codes: those of structures and of `LSTM` (`Issue`), and those of other
libraries' models and files (`WeightsIssue`). They are stable: a code is never given another meaning. In Python
`bnns_lstm.codes` has a constant for each.

This page is made from the library's own list (`bl.error_codes()` in Python, `Code::ALL` in Rust).

| code | meaning, and what to do |
| --- | --- |
";

const CONSTANTS: &str = "\"\"\"The codes of issues, as constants; `docs/errors.md` and :func:`bnns_lstm.error_codes` say what each means.

Made from the library's own list, `Code::ALL`: the Rust tests write this file when UPDATE_DOCS=1 is set.
\"\"\"

from __future__ import annotations

from typing import Final

";

#[test]
fn the_page_of_error_codes_is_up_to_date() {
    let mut expected = HEAD.to_owned();
    for code in Code::ALL {
        writeln!(expected, "| `{}` | {} |", code.name(), code.explain()).unwrap();
    }
    assert_holds("docs/errors.md", &expected);
}

#[test]
fn the_constants_of_python_are_up_to_date() {
    let mut expected = CONSTANTS.to_owned();
    for code in Code::ALL {
        let name = code.name();
        writeln!(expected, "{}: Final = \"{name}\"", name.to_uppercase()).unwrap();
    }
    assert_holds("python/bnns_lstm/codes.py", &expected);
}

/// A package cannot hold files of the folders above it.
#[test]
fn the_licences_of_the_crate_are_those_of_the_repository() {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(own.join("../..").join(name)).unwrap();
        assert!(text.len() > 1000, "{name}");
        assert_eq!(fs::read_to_string(own.join(name)).unwrap(), text, "{name}");
    }
}

/// Compares a file with what it must hold, or writes it where `UPDATE_DOCS` is set.
fn assert_holds(name: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{name} is out of date: run the tests once with UPDATE_DOCS=1");
}
