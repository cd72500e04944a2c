//! `docs/errors.md` is what `Code::explain` says.

use bnns_lstm::Code;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Error codes

Every issue of a `DescriptorError` has one of these codes. They are stable: a code is never given another
meaning. This page is made from the library's own list (`bl.error_codes()` in Python, `Code::ALL` in Rust).

| code | meaning, and what to do |
| --- | --- |
";

#[test]
fn the_page_of_error_codes_is_up_to_date() {
    let mut expected = HEAD.to_owned();
    for code in Code::ALL {
        writeln!(expected, "| `{}` | {} |", code.name(), code.explain()).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "docs/errors.md is out of date: run the tests once with UPDATE_DOCS=1"
    );
}
