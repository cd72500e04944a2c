//! The rules that keep the code readable: which module may know which (here), no import circles (`circles`),
//! nothing that ends in silence (`silence`), what Python calls (`entries`), how long a file may be, no unsafe code.

mod circles;
mod entries;
mod silence;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// For each module of the core, the modules that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("gate", &[]),
    ("math", &[]),
    ("dropout", &[]),
    ("tuning", &[]),
    ("variant", &["gate"]),
    ("level", &["error"]),
    ("place", &["error"]),
    ("products", &["error"]),
    ("aligned", &["error", "tuning"]),
    ("fields", &["error", "gate"]),
    ("desc", &["fields", "gate", "variant"]),
    ("check", &["desc", "dropout", "error", "fields", "gate", "math", "variant"]),
    ("kernel", &["gate", "level", "math", "tuning", "variant"]),
    ("plan", &["check", "error", "gate", "kernel", "level", "products", "tuning"]),
    (
        "pack",
        &[
            "aligned", "check", "error", "fields", "gate", "kernel", "level", "place", "plan",
            "products", "tuning",
        ],
    ),
    (
        "run",
        &[
            "aligned", "check", "dropout", "error", "fields", "gate", "kernel", "level", "pack",
            "place", "plan", "products", "tuning",
        ],
    ),
    ("apply", &["check", "error", "pack", "plan", "run"]),
    ("prepared", &["check", "desc", "direct", "error", "pack", "plan", "run"]),
    ("direct", &["apply", "check", "desc", "error", "fields", "pack", "plan", "run"]),
    (
        "lstm",
        &["apply", "check", "desc", "error", "fields", "gate", "pack", "plan", "run", "variant"],
    ),
];

/// For each floor of `run`, and each file that stands beside them, what it may import of `run`.
const FLOORS: &[(&str, &[&str])] = &[
    ("chunk", &[]),
    ("ping_pong", &[]),
    ("rows", &[]),
    ("threads", &[]),
    ("cache", &[]),
    ("packing", &["threads"]),
    ("forward", &["cache", "chunk", "ping_pong", "rows", "threads"]),
    ("backward", &["cache", "chunk", "forward", "ping_pong", "rows", "threads"]),
];

const LONGEST_FILE: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below a folder that end in one of these.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(|end| endings.iter().any(|&known| end == known)) {
            found.push(path);
        }
    }
    found
}

/// What a row of a table allows.
fn allowed(table: &[(&str, &'static [&'static str])], name: &str) -> &'static [&'static str] {
    let row = table.iter().find(|(known, _)| *known == name);
    row.unwrap_or_else(|| panic!("{name} is missing in the table of imports")).1
}

/// An import of one module by another one.
struct Use {
    file: String,
    own: String,
    imported: String,
}

/// The imports of the core among the modules of a table, which stand below `below`.
fn uses(below: &[&str], table: &[(&str, &[&str])]) -> Vec<Use> {
    let module_of = |path: &[String]| {
        let is_below = path.iter().zip(below).all(|(a, b)| a == b);
        path.get(below.len()).filter(|_| is_below).cloned()
    };
    let mut found = Vec::new();
    for source in sources::read(&root().join("rust/core/src")) {
        let Some(own) = module_of(&source.module) else { continue };
        for path in source.paths() {
            let Some(imported) = module_of(&path) else { continue };
            if imported != own && table.iter().any(|(known, _)| *known == imported) {
                found.push(Use { file: source.name.clone(), own: own.clone(), imported });
            }
        }
    }
    found
}

/// Check each import of the core below a module against a table; says how many there were.
fn check_imports(below: &[&str], table: &[(&str, &'static [&'static str])]) -> usize {
    let uses = uses(below, table);
    for Use { file, own, imported } in &uses {
        assert!(allowed(table, own).contains(&imported.as_str()), "{file} imports {imported}");
    }
    uses.len()
}

#[test]
fn imports_point_in_one_direction() {
    let checked = check_imports(&[], MAY_IMPORT);
    assert!(checked > 200, "only {checked} imports were found");
}

#[test]
fn the_floors_of_run_know_those_below_them_only() {
    let checked = check_imports(&["run"], FLOORS);
    assert!(checked > 40, "only {checked} imports were found");
}

#[test]
fn tables_of_imports_allow_nothing_that_nobody_needs() {
    for (below, table) in [(&[][..], MAY_IMPORT), (&["run"], FLOORS)] {
        let uses = uses(below, table);
        for (own, may) in table {
            for name in *may {
                let is_used = uses.iter().any(|found| found.own == *own && found.imported == *name);
                assert!(is_used, "{own} need not import {name}");
            }
        }
    }
}

#[test]
fn files_stay_short() {
    let mut checked = 0;
    for folder in
        ["rust/core", "rust/python", "rust/testkit", "python", "tests", "benches", "tools"]
    {
        for file in files(&root().join(folder), &["rs", "py", "pyi"]) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} files were found");
}

#[test]
fn the_core_and_the_binding_forbid_unsafe() {
    let core = fs::read_to_string(root().join("rust/core/src/lib.rs")).unwrap();
    assert!(core.contains("#![forbid(unsafe_code)]"));
    let binding = fs::read_to_string(root().join("rust/python/src/lib.rs")).unwrap();
    assert!(binding.contains("#![deny(unsafe_code)]"));
    for file in files(&root().join("rust/python/src"), &["rs"]) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("allow(unsafe_code)"), "{}", file.display());
    }
}
