//! Rust sources as the rules of architecture see them.
//!
//! In: folders of a crate. Out: [`Source`], one for each file: its code without comments, texts and unit tests,
//! and the `use` items in it. It knows no rule.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of a crate.
#[derive(Debug, Clone)]
pub struct Source {
    /// Below the folder of sources, with `/`: `run/forward/mod.rs`.
    pub name: String,
    /// Where the module stands in the crate: `["run", "forward"]`; nothing for `lib.rs`.
    pub module: Vec<String>,
    /// Code without comments, without the contents of texts, and without unit tests.
    pub code: String,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let stem = name.trim_end_matches(".rs");
        let parts = stem.split('/').map(str::to_owned);
        let module = parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str()));
        // Unit tests, and what only they use, stand at the end.
        let end = ["\nmod tests {", "#[cfg(test)]\nimpl "].map(|start| text.find(start));
        let text = &text[..end.into_iter().flatten().min().unwrap_or(text.len())];
        Self { name: name.to_owned(), module: module.collect(), code: plain(text) }
    }

    /// All names that the file imports, as paths from the crate's root, without the last `{...}` undone:
    /// `use super::{a::B, c}` in `x/y.rs` gives `x::a::B` and `x::c`. Re-exports are marked.
    pub fn imports(&self) -> Vec<Import> {
        let mut found = Vec::new();
        for statement in self.code.split(';') {
            let Some(at) = find_use(statement) else { continue };
            let is_public = statement[..at].trim_end().ends_with(['b', ')']);
            for path in expand(statement[at + "use ".len()..].trim()) {
                let (path, alias) = path.split_once(" as ").unwrap_or((&path, ""));
                let Some(path) = self.absolute(path) else { continue };
                let last = path.last().cloned().unwrap_or_default();
                let name = if alias.is_empty() { last } else { alias.trim().to_owned() };
                found.push(Import { path, name, is_public });
            }
        }
        found
    }

    /// Paths that are written out where they are used: `crate::gate::Gate`, `super::x()`.
    pub fn inline_paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for statement in self.code.split(';').filter(|statement| find_use(statement).is_none()) {
            for start in ["crate::", "super::"] {
                let mut from = 0;
                while let Some(at) = statement[from..].find(start).map(|at| from + at) {
                    let is_start = !statement[..at]
                        .ends_with(|c: char| c.is_alphanumeric() || c == ':' || c == '_');
                    let path: String = statement[at..]
                        .chars()
                        .take_while(|&c| c.is_alphanumeric() || c == ':' || c == '_')
                        .collect();
                    if is_start && !statement[..at].trim_end().ends_with("pub(in") {
                        found.extend(self.absolute(path.trim_end_matches(':')));
                    }
                    from = at + path.len();
                }
            }
        }
        found
    }

    /// All paths that the file names, imported or written out.
    pub fn paths(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        let imports = self.imports().into_iter().map(|import| import.path);
        imports.chain(self.inline_paths())
    }

    /// Whether the code uses the name that an import brings, beyond importing it.
    pub fn uses(&self, import: &Import) -> bool {
        let statements = self.code.split(';').filter(|statement| find_use(statement).is_none());
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        statements
            .flat_map(|statement| statement.split(|c| !is_word(c)))
            .any(|word| word == import.name)
    }

    /// A path from the crate's root; `None` for one of another crate.
    fn absolute(&self, path: &str) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
        match *parts.first()? {
            "crate" => {
                base.clear();
                parts.remove(0);
            }
            "self" => {
                parts.remove(0);
            }
            "super" => {
                while parts.first() == Some(&"super") {
                    base.pop();
                    parts.remove(0);
                }
            }
            // A child of this module, or another crate: whoever resolves it finds out.
            _ => {}
        }
        base.extend(parts.into_iter().map(str::to_owned));
        Some(base)
    }
}

/// One name that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// From the root of the crate.
    pub path: Vec<String>,
    /// What it is called here.
    pub name: String,
    /// Whether it is handed on.
    pub is_public: bool,
}

/// Where a statement says `use `, as an item.
fn find_use(statement: &str) -> Option<usize> {
    let places = statement.match_indices("use ").map(|(at, _)| at);
    places.into_iter().find(|&at| {
        let before = statement[..at].trim_end();
        let is_item =
            before.is_empty() || before.ends_with(['}', '{', ']', ')']) || before.ends_with("pub");
        is_item && (at == 0 || !statement[..at].ends_with(|c: char| c.is_alphanumeric()))
    })
}

/// `a::{b, c::{d, e as f}}` as `a::b`, `a::c::d`, `a::c::e as f`; `self` at the end is dropped.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.trim_end_matches("::self").to_owned()];
    };
    let (prefix, inner) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap()]);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if c == ',' && depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| expand(&format!("{prefix}{}", part.trim())))
        .map(|path| path.trim_end_matches("::self").to_owned())
        .collect()
}

/// Code without comments and without what stands in texts.
fn plain(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let (mut in_text, mut is_escaped, mut kept) = (false, false, String::new());
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            if in_text {
                in_text = is_escaped || c != '"';
                is_escaped = c == '\\' && !is_escaped;
                if !in_text {
                    kept.push(c);
                }
            } else if c == '/' && characters.peek() == Some(&'/') {
                break;
            } else {
                in_text = c == '"' && !kept.ends_with('\'');
                kept.push(c);
            }
        }
        code.push_str(kept.trim_end());
        code.push('\n');
    }
    code
}

/// All sources of a folder, unit tests in files of their own left out.
pub fn read(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in super::files(folder, &["rs"]) {
        let inner: PathBuf = path.strip_prefix(folder).unwrap().to_owned();
        if inner.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let name = inner.to_str().unwrap().replace('\\', "/");
        sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
    }
    sources
}
