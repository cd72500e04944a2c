//! No file imports another one that imports it, however long the way.
//!
//! An import points to the file that defines the name: what a `mod.rs` or `lib.rs` only hands on is looked up
//! where it comes from, and handing on alone makes no edge.

use super::sources::{Import, Source, read};
use std::collections::{BTreeMap, BTreeSet};

/// For each file the files whose names it uses.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// The sources of a crate by the place of their modules.
struct Crate<'s> {
    modules: BTreeMap<Vec<String>, &'s Source>,
}

impl<'s> Crate<'s> {
    fn new(sources: &'s [Source]) -> Self {
        Self { modules: sources.iter().map(|source| (source.module.clone(), source)).collect() }
    }

    /// The file that defines what a path from the root names; `None` for names of other crates.
    fn definition(&self, path: &[String], depth: usize) -> Option<&'s Source> {
        let known = (0..=path.len()).rev().find(|&len| self.modules.contains_key(&path[..len]))?;
        let source = self.modules[&path[..known]];
        let Some(name) = path.get(known) else { return Some(source) };
        // A name that the module hands on, perhaps from another one that does the same.
        let handed_on = source
            .imports()
            .into_iter()
            .find(|import| import.is_public && import.name == *name && import.path != path);
        match handed_on {
            Some(import) if depth < 8 => self.definition(&import.path, depth + 1),
            _ if known == 0 => None,
            _ => Some(source),
        }
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for source in self.modules.values() {
            // What is handed on and used as well is an import like any other.
            let is_used = |import: &Import| !import.is_public || source.uses(import);
            let imports = source.imports().into_iter().filter(is_used);
            let used = imports.map(|import| import.path).chain(source.inline_paths());
            let targets = used.filter_map(|path| self.definition(&path, 0));
            let targets = targets.filter(|target| target.name != source.name);
            edges.insert(source.name.clone(), targets.map(|target| target.name.clone()).collect());
        }
        edges
    }
}

/// All files that can be reached from one.
fn reachable(edges: &Edges, from: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = open.pop() {
        for next in edges.get(&file).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// Files that can be reached from themselves, with what they import within the circle.
fn circles(edges: &Edges) -> Vec<String> {
    let reach: BTreeMap<&String, _> =
        edges.keys().map(|file| (file, reachable(edges, file))).collect();
    let in_circle = |file: &&String| reach[*file].contains(*file);
    let describe = |file: &String| {
        let back: Vec<_> = edges[file].iter().filter(|next| reach[*next].contains(file)).collect();
        format!("{file} -> {back:?}")
    };
    edges.keys().filter(in_circle).map(describe).collect()
}

#[test]
fn no_file_is_in_an_import_circle() {
    let mut checked = 0;
    let folders =
        ["rust/core/src", "rust/python/src", "rust/testkit/src", "rust/fuzz/src", "benches/rust"];
    // The source distribution has no benchmark beside other crates.
    let crates = Some("benches/crates/protocol/src").filter(|at| super::root().join(at).exists());
    for folder in folders.into_iter().chain(crates) {
        let sources = read(&super::root().join(folder));
        let edges = Crate::new(&sources).edges();
        checked += edges.values().map(BTreeSet::len).sum::<usize>();
        let found = circles(&edges);
        assert!(found.is_empty(), "{folder}:\n{}", found.join("\n"));
    }
    assert!(checked > 400, "only {checked} imports were found");
}

/// The edges of a crate of these files.
fn edges(files: &[(&str, &str)]) -> Edges {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
    Crate::new(&sources).edges()
}

#[test]
fn planted_circles_are_found() {
    let direct = [("a.rs", "use crate::b::B;"), ("b.rs", "pub use x::Y;\nuse crate::{a::A, c};")];
    let through_a_reexport = [
        ("m/mod.rs", "mod a;\nmod b;\npub(crate) use a::A;\npub(crate) use b::{B as Other};"),
        ("m/a.rs", "use super::Other;\npub(crate) struct A;"),
        ("m/b.rs", "fn b() { super::A::new(); }"),
    ];
    let through_three = [
        ("m/a/x.rs", "use super::super::{b::B, c};"),
        ("m/b.rs", "use crate::m::c::{C, D};"),
        ("m/c.rs", "use super::a::x::{self, X};"),
    ];
    let with_the_parent = [
        ("m/mod.rs", "mod a;\nuse a::A;\nstruct M(A);"),
        ("m/a.rs", "use super::M;\npub struct A;"),
    ];
    let with_what_is_handed_on = [
        ("m/mod.rs", "mod a;\npub(crate) use a::A;\npub(crate) struct M(A);"),
        ("m/a.rs", "use super::M;\npub struct A;"),
    ];
    for files in [
        &direct[..],
        &through_a_reexport,
        &through_three,
        &with_the_parent,
        &with_what_is_handed_on,
    ] {
        assert!(circles(&edges(files)).len() >= 2, "{files:?}");
    }
}

#[test]
fn what_is_no_circle_is_none() {
    let files = [
        ("lib.rs", "mod m;\npub use m::{A, B};"),
        ("m/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;"),
        ("m/a.rs", "// use super::B;\npub struct A;\nconst T: &str = \"use super::B;\";"),
        ("m/b.rs", "use super::A;\n#[cfg(test)]\nmod tests {\n use crate::A;\n}"),
    ];
    let edges = edges(&files);
    assert_eq!(circles(&edges), Vec::<String>::new());
    assert_eq!(edges["m/b.rs"].iter().collect::<Vec<_>>(), ["m/a.rs"]);
}
