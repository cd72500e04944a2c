//! Findings of a binding layer, merged with those of the check.

use crate::model::{ONE, Params, edit_memory, valid};
use bnns_lstm::binding::check_after;
use bnns_lstm::{Code, Data, FilterParameters, Issue, LSTMGateDescriptor, LayerFlags, Path};

fn issue(path: Path, code: Code) -> Issue {
    Issue { path, code, expected: "one thing".to_owned(), actual: "another".to_owned() }
}

fn merged(found: Vec<Issue>, params: &Params) -> Vec<String> {
    let error = check_after(found, params, &FilterParameters::default()).unwrap_err();
    error.issues().iter().map(|issue| format!("{} {}", issue.path, issue.code.name())).collect()
}

#[test]
fn a_finding_before_the_check_refuses_what_is_valid_otherwise() {
    for code in [Code::OutOfRange, Code::InUse, Code::UnsupportedAllocator] {
        let path = Path::field("filter_params").then("seed");
        let expected = format!("filter_params.seed {}", code.name());
        assert_eq!(merged(vec![issue(path, code)], &valid(&ONE)), [expected]);
    }
}

#[test]
fn all_findings_stand_in_reading_order() {
    let mut params = valid(&ONE);
    params.input_gate.b_desc.size[0] = 9;
    params.dropout = 2.0;
    let found = vec![
        issue(Path::field("hidden_activation"), Code::WrongType),
        issue(Path::field("input_gate").then("iw_desc").at(0), Code::WrongType),
        issue(Path::field("output_descriptor").then("data_desc"), Code::InUse),
    ];
    let expected = [
        "dropout invalid_dropout",
        "output_descriptor.data_desc in_use",
        "input_gate.iw_desc[0] wrong_type",
        "input_gate.b_desc.size[0] size_mismatch",
        "hidden_activation wrong_type",
    ];
    assert_eq!(merged(found, &params), expected);
}

#[test]
fn a_gate_may_lack_what_an_unknown_coupling_may_give() {
    let mut params = valid(&ONE);
    params.forget_gate = LSTMGateDescriptor::default();
    let coupled = Path::field("extensions").then("coupled");
    let found = vec![issue(coupled, Code::UnknownChoice)];
    assert_eq!(merged(found, &params), ["extensions.coupled unknown_choice"]);
    params.output_gate.activation = None;
    let found = vec![issue(Path::field("extensions"), Code::WrongType)];
    let expected = ["output_gate.activation missing_activation", "extensions wrong_type"];
    assert_eq!(merged(found, &params), expected);
}

#[test]
fn what_follows_from_a_finding_is_not_reported_again() {
    let mut params = valid(&ONE);
    params.input_descriptor.data_desc.data = Data::Null;
    let of_array = issue(Path::field("input_descriptor").then("data_desc"), Code::WrongType);
    assert_eq!(merged(vec![of_array], &params), ["input_descriptor.data_desc wrong_type"]);

    let mut params = valid(&ONE);
    params.hidden_size = 0;
    let of_size = issue(Path::field("hidden_size"), Code::OutOfRange);
    assert_eq!(merged(vec![of_size], &params), ["hidden_size out_of_range"]);

    let mut params = valid(&ONE);
    params.lstm_flags = LayerFlags::NONE;
    params.input_gate.activation = None;
    let of_flags = issue(Path::field("lstm_flags"), Code::WrongType);
    assert_eq!(merged(vec![of_flags], &params), ["lstm_flags wrong_type"]);
}

#[test]
fn what_does_not_depend_on_a_finding_is_reported_too() {
    let mut params = valid(&ONE);
    params.seq_len = 0;
    params.input_descriptor.data_desc.data_type.0 = 1;
    params.output_gate.hw_desc.size[0] = 9;
    let expected = [
        "seq_len zero_size",
        "input_descriptor.data_desc.data_type unknown_data_type",
        "output_gate.hw_desc.size[0] size_mismatch",
    ];
    assert_eq!(merged(Vec::new(), &params), expected);
}

#[test]
fn an_array_with_a_finding_is_not_compared_with_others() {
    let mut params = valid(&ONE);
    edit_memory(&mut params.output_descriptor.data_desc, |memory| {
        memory.writable = false;
        memory.address = params.input_descriptor.data_desc.data.memory().unwrap().address;
    });
    assert_eq!(merged(Vec::new(), &params), ["output_descriptor.data_desc.data read_only"]);
}
