//! Files that are not taken, and why.

use super::{Raw, file, findings, floats};
use bnns_lstm::Lstm;
use bnns_lstm::ndarray::ArrayD;
use safetensors::Dtype;

const CONFIG: &str = r#"{"input_size": 1, "hidden_size": 1, "num_layers": 1, "bidirectional": false,
    "bias": false, "batch_first": false, "dropout": 0.0, "peephole": null, "activations": null}"#;

fn zeros(shape: &[usize]) -> Raw {
    floats(&ArrayD::zeros(shape))
}

fn arrays() -> Vec<(String, Raw)> {
    let named = [("weight_ih_l0", zeros(&[4, 1])), ("weight_hh_l0", zeros(&[4, 1]))];
    named.map(|(name, array)| (name.to_owned(), array)).into()
}

/// What is found in a file with this configuration.
fn with_config(config: &str) -> Vec<(String, &'static str)> {
    let metadata = [("format", "bnns-lstm"), ("version", "1"), ("config", config)];
    findings(Lstm::from_bytes(&file(arrays(), &metadata)))
}

/// What is found in a file with one field more, or another one.
fn with_field(field: &str) -> Vec<(String, &'static str)> {
    let name = field.split(':').next().unwrap();
    let fields = CONFIG.trim_matches(['{', '}']).split(',');
    let others: Vec<_> = fields.filter(|own| !own.trim().starts_with(name)).collect();
    with_config(&format!("{{{}, {field}}}", others.join(",")))
}

fn one(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
    vec![(path.to_owned(), code)]
}

#[test]
fn the_file_by_itself_is_taken() {
    assert_eq!(with_config(CONFIG), []);
    for field in [
        r#""merge": "concat""#,
        r#""cell_clip": 0.5"#,
        r#""gate_clip": null"#,
        r#""lengths": null"#,
        r#""direction": "reverse""#,
        r#""dropout": 0.5"#,
        r#""coupled": null"#,
    ] {
        assert_eq!(with_field(field), [], "{field}");
    }
}

#[test]
fn each_field_is_honoured_or_refused_by_its_name() {
    let sigmoid = r#"["SIGMOID", 1, 1]"#;
    let functions = |input: &str| {
        format!(
            r#""activations": {{"input": {input}, "forget": {sigmoid}, "candidate": {sigmoid},
            "output": {sigmoid}, "hidden": {sigmoid}}}"#
        )
    };
    assert_eq!(with_field(&functions(sigmoid)), []);
    let cases = [
        (r#""input_size": -1"#, "input_size", "wrong_type"),
        (r#""input_size": 0"#, "input_size", "zero_size"),
        (r#""hidden_size": 18446744073709551615"#, "hidden_size", "size_overflow"),
        (r#""num_layers": 3"#, "num_layers", "missing_entry"),
        (r#""num_layers": true"#, "num_layers", "wrong_type"),
        (r#""bias": 1"#, "bias", "wrong_type"),
        (r#""dropout": 1.0"#, "dropout", "invalid_dropout"),
        (r#""dropout": NaN"#, "dropout", "invalid_dropout"),
        (r#""dropout": "much""#, "dropout", "wrong_type"),
        (r#""peephole": "some""#, "peephole", "unknown_choice"),
        (r#""merge": null"#, "merge", "unsupported_here"),
        (r#""merge": "sum""#, "merge", "unsupported_here"),
        (r#""merge": "max""#, "merge", "unknown_choice"),
        (r#""cell_clip": -1"#, "cell_clip", "invalid_number"),
        (r#""cell_clip": Infinity"#, "cell_clip", "invalid_number"),
        (r#""gate_clip_hidden": false"#, "gate_clip_hidden", "extension_conflict"),
        (r#""direction": "sideways""#, "direction", "unknown_choice"),
        (r#""coupled": "output""#, "coupled", "unknown_choice"),
        (r#""lengths": [1.5]"#, "lengths", "wrong_type"),
        (r#""lengths": []"#, "lengths", "size_mismatch"),
        (r#""proj_size": 2"#, "proj_size", "invalid_number"),
        (r#""colour": 2"#, "config", "unexpected_entry"),
        (
            &functions(r#"["SOFTMAX", 1, 1]"#),
            "input_gate.activation.function",
            "unsupported_activation",
        ),
        (&functions(r#"["MISH", 1, 1]"#), "activations.input", "wrong_type"),
        (
            &functions(r#"["CLAMP", NaN, 1]"#),
            "input_gate.activation.alpha",
            "invalid_activation_parameter",
        ),
        (r#""activations": 3"#, "activations", "wrong_type"),
    ];
    for (field, path, code) in cases {
        assert_eq!(with_field(field), one(path, code), "{field}");
    }
    let found = with_field(r#""activations": {"input": ["TANH", 1, 1], "other": 0}"#);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.contains(&("activations.hidden".to_owned(), "missing_entry")));
    assert!(found.contains(&("activations".to_owned(), "unexpected_entry")));
    let found = with_config(r#"{"input_size": 1, "colour": 2}"#);
    assert_eq!(found.len(), 9, "{found:?}");
}

#[test]
fn other_files_are_refused() {
    let with = |format, version, config| {
        let metadata = [("format", format), ("version", version), ("config", config)];
        findings(Lstm::from_bytes(&file(arrays(), &metadata)))
    };
    assert_eq!(with("bnns-lstm-stack", "1", CONFIG), one("metadata.format", "foreign_file"));
    assert_eq!(with("bnns-lstm", "2", CONFIG), one("metadata.version", "foreign_file"));
    assert_eq!(with("bnns-lstm", "1", "[]"), one("metadata.config", "damaged_file"));
    assert_eq!(
        findings(Lstm::from_bytes(&file(arrays(), &[]))),
        one("metadata.format", "foreign_file")
    );
    assert_eq!(findings(Lstm::from_bytes(b"PK\x03\x04 and so on")), one("file", "foreign_file"));
    assert_eq!(findings(Lstm::from_bytes(b"")), one("file", "foreign_file"));
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let metadata = [("format", "bnns-lstm"), ("version", "1"), ("config", CONFIG)];
    let whole = file(arrays(), &metadata);
    for len in 0..whole.len() {
        let found = findings(Lstm::from_bytes(&whole[..len]));
        let code = if len < 9 { "foreign_file" } else { "damaged_file" };
        assert_eq!(found, one("file", code), "{len}");
    }
}

#[test]
fn a_changed_byte_is_no_panic() {
    let metadata = [("format", "bnns-lstm"), ("version", "1"), ("config", CONFIG)];
    let whole = file(arrays(), &metadata);
    let mut refused = 0;
    for at in 0..whole.len() {
        for change in [1, 2, 16, 128] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            refused += usize::from(Lstm::from_bytes(&changed).is_err());
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn arrays_that_do_not_fit_are_named() {
    let metadata = [("format", "bnns-lstm"), ("version", "1"), ("config", CONFIG)];
    let of = |own: Vec<(&str, Raw)>| {
        let own = own.into_iter().map(|(name, array)| (name.to_owned(), array));
        findings(Lstm::from_bytes(&file(own, &metadata)))
    };
    let whole = || zeros(&[4, 1]);
    assert_eq!(of(vec![("weight_ih_l0", whole())]), one("weight_hh_l0", "missing_entry"));
    let integers = Raw(Dtype::I32, vec![4, 1], vec![0; 16]);
    let found = of(vec![("weight_ih_l0", integers), ("weight_hh_l0", whole()), ("extra", whole())]);
    let expected = [("weight_ih_l0", "unsupported_data_type"), ("extra", "unexpected_entry")];
    assert_eq!(found, expected.map(|(path, code)| (path.to_owned(), code)));
    let large =
        Raw(Dtype::F64, vec![4, 1], [1e300_f64; 4].iter().flat_map(|n| n.to_le_bytes()).collect());
    let found = of(vec![("weight_ih_l0", large), ("weight_hh_l0", whole())]);
    assert_eq!(found, one("weight_ih_l0", "out_of_range"));
    let with_state = |h: Raw, c: Option<Raw>| {
        let mut own = vec![("weight_ih_l0", whole()), ("weight_hh_l0", whole()), ("state.h", h)];
        own.extend(c.map(|c| ("state.c", c)));
        of(own)
    };
    assert_eq!(with_state(zeros(&[1, 2, 1]), None), one("state.c", "missing_entry"));
    assert_eq!(with_state(zeros(&[1]), Some(zeros(&[1, 2, 1]))), one("state.h", "size_mismatch"));
    let found = with_state(zeros(&[1, 2, 1]), Some(zeros(&[1, 3, 1])));
    assert_eq!(found, one("state.c", "size_mismatch"));
}
