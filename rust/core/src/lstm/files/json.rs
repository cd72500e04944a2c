//! JSON as Python writes it, with `Infinity`, `-Infinity` and `NaN`, which JSON has not.
//!
//! In: text. Out: values, in which these stand as texts; numbers of either form; and numbers as Python reads them.

use serde_json::Value;

/// The value of a text; `None` if it is no JSON.
pub(super) fn parse(text: &str) -> Option<Value> {
    let (mut plain, mut in_text, mut is_escaped) =
        (String::with_capacity(text.len()), false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let special = ["-Infinity", "Infinity", "NaN"].into_iter();
        let special = special.filter(|_| !in_text).find(|&word| rest.starts_with(word));
        if let Some(word) = special {
            plain.extend(["\"", word, "\""]);
            rest = &rest[word.len()..];
            continue;
        }
        if c == '"' && !is_escaped {
            in_text = !in_text;
        }
        is_escaped = c == '\\' && !is_escaped;
        plain.push(c);
        rest = &rest[c.len_utf8()..];
    }
    serde_json::from_str(&plain).ok()
}

/// A number, rounded to float32; `None` for anything else.
pub(super) fn number(value: &Value) -> Option<f32> {
    match value.as_str() {
        Some("Infinity") => Some(f32::INFINITY),
        Some("-Infinity") => Some(f32::NEG_INFINITY),
        Some("NaN") => Some(f32::NAN),
        Some(_) => None,
        None => value.as_f64().map(|number| number as f32),
    }
}

/// A number with the fewest digits from which float32 is read again.
pub(super) fn written(number: f32) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{number:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::{number, parse, written};

    #[test]
    fn numbers_come_back() {
        for value in [0.0, -0.5, 0.1, 1e-30, 3.4e38, f32::INFINITY, f32::NEG_INFINITY] {
            let text = format!("[{}, \"a NaN \\\" b\"]", written(value));
            let found = parse(&text).unwrap();
            assert_eq!(number(&found[0]).map(f32::to_bits), Some(value.to_bits()), "{text}");
            assert_eq!(found[1], "a NaN \" b");
        }
        assert!(number(&parse(&written(f32::NAN)).unwrap()).unwrap().is_nan());
        assert_eq!(number(&parse("\"1\"").unwrap()), None);
        assert_eq!(parse("{"), None);
    }
}
