//! What Python calls enters: the end of the interpreter waits for whoever is inside (`rust/python/src/inside.rs`).

use super::sources::{Source, read};

/// How a function begins that enters.
const ENTERS: &str = "let _inside = Inside::enter(py);";

/// What the end of the interpreter and a forked child call themselves.
const ITS_OWN: &str = "inside.rs";

/// Functions that Python calls and that have the interpreter, but do not enter; and how many enter.
fn entries(source: &Source) -> (Vec<String>, usize) {
    let code: String = source.code.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut outside, mut inside) = (Vec::new(), 0);
    let methods = code.find("#[pymethods]").map(|start| {
        let end = code[start..].find("} impl ").map_or(code.len(), |end| start + end);
        &code[start..end]
    });
    let functions = code.split("#[pyfunction]").skip(1);
    let methods = methods.into_iter().flat_map(|all| all.split(" fn ").skip(1));
    for item in functions.chain(methods) {
        let (head, body) = item.split_once(" { ").unwrap_or((item, ""));
        if !head.contains("py: Python") || body.starts_with("self.weights.clone_ref(py)") {
            continue;
        }
        if body.starts_with(ENTERS) {
            inside += 1;
        } else {
            outside.push(format!("{}: {head}", source.name));
        }
    }
    (outside, inside)
}

#[test]
fn whatever_python_calls_enters() {
    let sources = read(&super::root().join("rust/python/src"));
    let found = sources.iter().filter(|source| source.name != ITS_OWN).map(entries);
    let (outside, inside): (Vec<_>, Vec<_>) = found.unzip();
    assert!(outside.concat().is_empty(), "{:#?}", outside.concat());
    assert!(inside.iter().sum::<usize>() >= 13, "{inside:?}");
}

#[test]
fn functions_that_do_not_enter_are_found() {
    let text = "#[pyfunction]\nfn a(py: Python<'_>) -> X {\n    let _inside = Inside::enter(py);\n    b(py)\n}\n\
                #[pyfunction]\nfn c(py: Python<'_>) {\n    d(py);\n}\n\
                #[pymethods]\nimpl S {\n    fn e(&self, py: Python<'_>) {\n        f(py);\n    }\n}\n\
                impl S {\n    fn g(&self, py: Python<'_>) {}\n}\n";
    let (outside, inside) = entries(&Source::new("x.rs", text));
    assert_eq!(outside.len(), 2, "{outside:?}");
    assert_eq!(inside, 1);
}
