//! The rules that keep the code readable: which module may know which, how long a file may be, no unsafe.

use std::fs;
use std::path::{Path, PathBuf};

/// For each module of the core, the modules that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("gate", &[]),
    ("math", &[]),
    ("dropout", &[]),
    ("tuning", &[]),
    ("level", &["error"]),
    ("place", &["error"]),
    ("aligned", &["error", "tuning"]),
    ("fields", &["error", "gate"]),
    ("desc", &["fields", "gate"]),
    ("check", &["desc", "dropout", "error", "fields", "gate", "math"]),
    ("kernel", &["gate", "level", "math", "tuning"]),
    ("plan", &["check", "error", "gate", "kernel", "level", "tuning"]),
    (
        "pack",
        &[
            "aligned", "check", "error", "fields", "gate", "kernel", "level", "place", "plan",
            "tuning",
        ],
    ),
    (
        "run",
        &[
            "aligned", "check", "error", "gate", "kernel", "level", "pack", "place", "plan",
            "tuning",
        ],
    ),
    ("apply", &["check", "error", "pack", "plan", "run"]),
    ("prepared", &["check", "desc", "direct", "error", "pack", "plan", "run"]),
    ("direct", &["apply", "check", "desc", "error", "gate", "pack", "plan", "run"]),
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

/// The module of the core that a file belongs to.
fn module_of(source: &Path, file: &Path) -> String {
    let inner = file.strip_prefix(source).unwrap();
    let first = inner.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Unit tests in files of their own may use whatever they test with.
fn is_test(file: &Path) -> bool {
    file.iter().any(|part| part == "tests" || part == "tests.rs")
}

fn is_doc(line: &str) -> bool {
    ["///", "//!"].iter().any(|start| line.trim_start().starts_with(start))
}

fn with_end(line: &str) -> [&str; 2] {
    [line, "\n"]
}

#[test]
fn imports_point_in_one_direction() {
    let source = root().join("rust/core/src");
    let mut checked = 0;
    for file in files(&source, &["rs"]) {
        let module = module_of(&source, &file);
        if module == "lib" || is_test(&file) {
            continue;
        }
        let allowed = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("module {module} is missing in the table of imports"))
            .1;
        let text = fs::read_to_string(&file).unwrap();
        // Unit tests and examples may use whatever they test with.
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: String = code.lines().filter(|line| !is_doc(line)).flat_map(with_end).collect();
        for (at, _) in code.match_indices("crate::") {
            let name: String = code[at + "crate::".len()..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if name.is_empty() || name == module {
                continue;
            }
            checked += 1;
            assert!(allowed.contains(&name.as_str()), "{} imports {name}", file.display());
        }
    }
    assert!(checked > 50, "only {checked} imports were found");
}

#[test]
fn files_stay_short() {
    let mut checked = 0;
    for folder in ["rust/core", "rust/python", "rust/testkit", "python", "tests", "benches"] {
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
