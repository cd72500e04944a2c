//! The layer in plain loops reproduces every golden case, outputs and gradients.

use bnns_lstm_testkit::golden::{Golden, load_all};
use bnns_lstm_testkit::{assert_close, backward, forward, narrow};

fn cases() -> Vec<Golden> {
    load_all().expect("the golden cases must be readable")
}

#[test]
fn all_cases_are_there() {
    let names: Vec<String> = cases().into_iter().map(|case| case.name).collect();
    assert_eq!(names.len(), 42);
    assert!(names.is_sorted());
    assert_eq!(names.iter().filter(|name| name.starts_with("activation_")).count(), 23);
}

#[test]
fn outputs_agree() {
    for case in cases() {
        let outputs = forward(&case.layer, &case.inputs, None).outputs;
        let pairs = [
            ("y", &case.outputs.y, &outputs.y),
            ("hn", &case.outputs.hn, &outputs.hn),
            ("cn", &case.outputs.cn, &outputs.cn),
        ];
        for (what, stored, computed) in pairs {
            assert_close(&format!("{}: {what}", case.name), &narrow(stored), computed, 1e-6);
        }
    }
}

#[test]
fn gradients_agree() {
    for case in cases() {
        let trace = forward(&case.layer, &case.inputs, None);
        let mut computed = backward(&case.layer, &trace, &case.incoming).named();
        if case.inputs.h0.is_none() {
            computed.remove("h0");
        }
        if case.inputs.c0.is_none() {
            computed.remove("c0");
        }
        let stored: Vec<&String> = case.gradients.keys().collect();
        assert_eq!(stored, computed.keys().collect::<Vec<_>>(), "{}", case.name);
        for (what, stored) in &case.gradients {
            let name = format!("{}: {what}", case.name);
            assert_eq!(stored.shape.iter().product::<usize>(), stored.values.len(), "{name}");
            assert_close(&name, &stored.values, &computed[what], 1e-6);
        }
    }
}

/// The cases say nothing about the derivatives at kinks: none of them comes near one.
#[test]
fn no_case_touches_a_kink() {
    for case in cases() {
        let trace = forward(&case.layer, &case.inputs, None);
        let distance = trace.kink_distance(&case.layer);
        println!("{}: {distance:e}", case.name);
        assert!(distance > 1e-5, "{}: {distance:e}", case.name);
    }
}
