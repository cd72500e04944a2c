//! The models that divide forward and backward calls among threads: what they choose on a machine that is not here.

use crate::support::Case;
use crate::support::training::Way;
use bnns_lstm::Options;
use bnns_lstm::binding::{Caches, Cores, Prediction, Tuning};
use bnns_lstm_testkit::Inputs;
use bnns_lstm_testkit::random::{Activations, Limits, random_layer};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Steps, samples, hidden units, layers.
type Row = [usize; 4];

/// What is predicted in `docs/cores.md`.
const ROWS: [Row; 9] = [
    [1, 1, 128, 1],
    [1, 1, 512, 1],
    [100, 1, 128, 1],
    [100, 1, 512, 1],
    [100, 1, 1024, 1],
    [100, 32, 256, 1],
    [100, 32, 1024, 1],
    [50, 256, 512, 1],
    [100, 1024, 256, 1],
];

const STACKS: [Row; 3] = [[100, 1, 128, 4], [100, 32, 128, 4], [100, 32, 256, 4]];

/// Training steps that are predicted there.
const TRAINING: [Row; 6] = [
    [100, 32, 256, 1],
    [50, 256, 512, 1],
    [100, 1, 128, 1],
    [100, 1, 256, 1],
    [100, 1, 512, 1],
    [100, 1, 1024, 1],
];

/// A machine of eight cores, each with two threads.
fn tuning() -> Tuning {
    let cores = Cores { threads: 16, physical: 8 };
    Tuning { cores, ..Tuning::new(Caches::REFERENCE) }
}

/// A plain layer and nothing that is computed with, so that its memory is never touched.
fn case([steps, batch, units, layers]: Row) -> Case {
    let limits = Limits {
        input_size: 1,
        hidden_size: 1,
        batch_size: 1,
        num_layers: 1,
        seq_len: 1,
        bidirectional: false,
        peepholes: false,
        lengths: false,
        activations: Activations::Default,
        variants: false,
    };
    let mut layer = random_layer(1, &limits);
    let gates = &mut layer.gates;
    for gate in [&mut gates.input, &mut gates.forget, &mut gates.candidate, &mut gates.output] {
        gate.b = None;
    }
    let mut case = Case::new(&layer, &Inputs { x: vec![0.0], h0: None, c0: None });
    let layer = &mut case.layer;
    (layer.seq_len, layer.batch_size) = (steps, batch);
    (layer.input_size, layer.hidden_size, layer.num_layers) = (units, units, layers);
    case.x = vec![0.0; case.layer.x_len()];
    let gates = &mut case.gates;
    for gate in [&mut gates.input, &mut gates.forget, &mut gates.candidate, &mut gates.output] {
        gate.iw = vec![0.0; units * units];
        gate.iw_upper = vec![0.0; (layers - 1) * units * units];
        gate.hw = vec![0.0; layers * units * units];
    }
    case
}

fn plan_with(row: Row, options: Options) -> Prediction {
    let case = case(row);
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, 1), &mut y).unwrap();
    Prediction::new(&checked, options).unwrap()
}

fn plan(row: Row, n_threads: usize) -> Prediction {
    plan_with(row, Options { n_threads, tuning: tuning(), ..Options::default() })
}

fn training_plan(row: Row, n_threads: usize) -> Prediction {
    let options = Options { n_threads, tuning: tuning(), training: true, ..Options::default() };
    plan_with(row, options)
}

#[test]
fn more_threads_are_never_predicted_to_be_slower() {
    for row in ROWS.into_iter().chain(STACKS) {
        let micros = [1, 2, 3, 4, 8, 16, 64].map(|threads| plan(row, threads).micros);
        assert!(micros.is_sorted_by(|fewer, more| fewer >= more), "{row:?} {micros:?}");
    }
}

#[test]
fn more_threads_are_never_predicted_to_train_slower() {
    for row in ROWS.into_iter().chain(STACKS) {
        let micros = |threads| {
            let plan = training_plan(row, threads);
            [plan.micros, plan.backward_micros]
        };
        let micros = [1, 2, 3, 4, 8, 16, 64].map(micros);
        for pass in 0..2 {
            let is_sorted = micros.is_sorted_by(|fewer, more| fewer[pass] >= more[pass]);
            assert!(is_sorted, "{row:?} {micros:?}");
        }
    }
}

#[test]
fn small_backward_passes_stay_on_few_threads() {
    // What a second thread would fetch takes longer than what it would compute.
    for row in [[1, 1, 32, 1], [100, 1, 32, 1], [100, 1, 64, 1], [2, 4, 128, 1]] {
        assert_eq!(training_plan(row, 16).backward_threads, 1, "{row:?}");
    }
    assert_eq!(training_plan([100, 32, 128, 1], 2).backward_threads, 2);
    assert!(training_plan([100, 1024, 256, 1], 16).backward_threads > 8);
}

#[test]
fn backward_passes_of_few_rows_divide_units_and_others_rows() {
    let grid = |row, n_threads| training_plan(row, n_threads).backward_grid;
    assert_eq!(grid([100, 1, 512, 1], 2), [1, 2]);
    assert_eq!(grid([100, 1, 1024, 1], 16), [1, 16]);
    let [groups, parts] = grid([100, 4, 512, 1], 16);
    assert!(groups > 1 && parts > 1, "{groups} {parts}");
    assert_eq!(grid([100, 32, 128, 1], 2), [2, 1]);
    assert_eq!(grid([100, 1024, 256, 1], 16), [16, 1]);
}

#[test]
fn threads_of_the_backward_pass_are_explained_with_those_that_were_declined() {
    let cores = Cores { threads: 2, physical: 2 };
    let tuning = Tuning { cores, ..tuning() };
    let options = Options { n_threads: 2, tuning, training: true, ..Options::default() };
    let plan = plan_with([100, 32, 128, 1], options);
    let text = plan.explanation;
    let line = text.lines().find(|line| line.starts_with("backward pass: ")).unwrap();
    let micros = plan.backward_micros;
    let chosen = format!(
        "backward pass: batch rows [16, 16], 2 groups x 1 parts, 2 threads: {micros:.0} us by the model; declined: \
         1 groups x 1 parts, 1 threads: "
    );
    assert!(line.starts_with(&chosen), "{line}");
}

/// One thread that has just packed weights of 128 units computes a row before others have fetched them.
#[test]
fn freshly_packed_weights_keep_a_short_forward_pass_on_one_thread() {
    let row = [100, 1, 128, 1];
    assert_eq!((plan(row, 2).threads, training_plan(row, 2).threads), (2, 1));
    let [of_inference, of_training] =
        [plan([100, 32, 256, 1], 2), training_plan([100, 32, 256, 1], 2)].map(|plan| plan.threads);
    assert_eq!((of_inference, of_training), (2, 2));
}

#[test]
fn small_work_stays_on_few_threads() {
    assert_eq!(plan([1, 1, 32, 1], 16).threads, 1);
    assert_eq!(plan([1, 1, 128, 1], 16).threads, 1);
    assert_eq!(plan([100, 1, 32, 1], 16).threads, 1);
    assert_eq!(plan([2000, 1, 20, 1], 16).threads, 1);
    let threads = plan([100, 1, 128, 1], 16).threads;
    assert!((2..=8).contains(&threads), "{threads}");
}

#[test]
fn rows_and_units_are_divided_at_once_where_that_is_faster() {
    let [groups, parts] = plan([100, 32, 256, 1], 16).grid;
    assert!(groups > 1 && parts > 1, "{groups} {parts}");
    let [groups, parts] = plan([100, 32, 1024, 1], 16).grid;
    assert!(parts > 1, "{groups} {parts}");
    let [groups, parts] = plan([100, 1, 1024, 1], 16).grid;
    assert!(groups == 1 && parts > 4, "{groups} {parts}");
    // Rows enough for all threads.
    assert_eq!(plan([100, 1024, 256, 1], 16).grid[1], 1);
}

#[test]
fn no_more_threads_are_used_than_run_at_the_same_time() {
    let row = [100, 32, 256, 1];
    let cores = Cores { threads: 2, physical: 2 };
    let few = |force_threads| {
        let tuning = Tuning { cores, ..tuning() };
        plan_with(row, Options { n_threads: 16, tuning, force_threads, ..Options::default() })
    };
    assert_eq!(few(false).threads, 2);
    assert_eq!(few(true).threads, 16);
}

#[test]
fn the_grid_is_explained_with_those_that_were_declined() {
    let plan = plan([100, 32, 256, 1], 16);
    let [groups, parts] = plan.grid;
    let text = plan.explanation;
    let line = text.lines().find(|line| line.starts_with("grid: ")).unwrap();
    let micros = plan.micros;
    let chosen = format!(
        "grid: {groups} groups x {parts} parts, {} threads: {micros:.0} us by the model",
        plan.threads
    );
    assert!(line.starts_with(&chosen), "{line}");
    for declined in
        ["1 groups x 1 parts, 1 threads", "16 groups x 1 parts, 16 threads", "declined:"]
    {
        assert!(line.contains(declined), "{line}");
    }
    let tuning = Tuning { grid: Some([3, 2]), ..tuning() };
    let forced =
        plan_with([100, 32, 256, 1], Options { n_threads: 16, tuning, ..Options::default() });
    assert_eq!((forced.grid, forced.threads), ([3, 2], 6));
    assert!(forced.explanation.contains(" us by the model, forced"), "{}", forced.explanation);
}

/// Layers run at the same time where rows are few and one thread has enough to do with a layer.
#[test]
fn a_stack_of_few_rows_is_a_pipeline() {
    for n_threads in [2, 3, 4, 8, 16] {
        let plan = plan([100, 1, 128, 4], n_threads);
        let [layers, steps] = plan.pipeline.unwrap();
        assert_eq!((plan.grid, plan.threads), ([1, 1], n_threads.min(4)));
        assert_eq!(layers, n_threads.min(4));
        assert!((2..=25).contains(&steps), "{steps}");
    }
    // One layer, rows enough for all threads, units enough for an exchange, and too little to share.
    for row in [[100, 1, 128, 1], [100, 32, 128, 4], [100, 1, 1024, 4], [5, 1, 32, 4]] {
        assert_eq!(plan(row, 2).pipeline, None, "{row:?}");
    }
    assert_eq!(plan([5, 1, 32, 4], 16).threads, 1);
}

#[test]
fn a_pipeline_is_explained_whether_it_is_chosen_or_declined() {
    let line = |row, tuning| {
        let options = Options { n_threads: 4, tuning, ..Options::default() };
        let text = plan_with(row, options).explanation;
        let line = text.lines().find(|line| line.starts_with("grid: ")).unwrap();
        let (chosen, declined) = line.split_once("; declined: ").unwrap();
        (chosen.to_owned(), declined.to_owned())
    };
    let layers = "groups x 1 parts x 4 layers, ";
    let (chosen, declined) = line([100, 1, 128, 4], tuning());
    assert!(chosen.contains(layers) && chosen.contains(" steps at a time, 4 threads: "));
    assert!(!declined.contains(layers) && declined.contains("1 groups x 4 parts, 4 threads: "));
    let (chosen, declined) = line([100, 32, 256, 4], tuning());
    assert!(!chosen.contains("layers") && declined.contains(" layers, "), "{chosen} {declined}");
    let forced = Tuning { pipeline: Some([4, 7]), ..tuning() };
    let (chosen, _) = line([100, 32, 256, 4], forced);
    assert!(chosen.contains("1 groups x 1 parts x 4 layers, 7 steps at a time, 4 threads: "));
    assert!(chosen.ends_with(" us by the model, forced"), "{chosen}");
    let refused = Tuning { pipeline: Some([1, 1]), ..tuning() };
    let (chosen, declined) = line([100, 1, 128, 4], refused);
    assert!(!chosen.contains("layers") && declined.contains(layers), "{chosen} {declined}");
}

/// The tables of predictions in `docs/cores.md`.
#[test]
fn predictions_in_the_docs_are_those_of_the_model() {
    let mut table = String::new();
    for row in ROWS.into_iter().chain(STACKS) {
        let [steps, batch, units, layers] = row;
        write!(table, "| T={steps} B={batch} H={units} L={layers} |").unwrap();
        for n_threads in [1, 2, 4, 8, 16] {
            let plan = plan(row, n_threads);
            let ([groups, parts], micros) = (plan.grid, plan.micros);
            let own = match plan.pipeline {
                None => format!("{groups} x {parts}"),
                Some([layers, _]) => format!("{groups} x {layers} layers"),
            };
            write!(table, " {micros:.0} ({own}) |").unwrap();
        }
        table.push('\n');
    }
    let mut of_training = String::new();
    for row in TRAINING {
        let [steps, batch, units, layers] = row;
        write!(of_training, "| T={steps} B={batch} H={units} L={layers} |").unwrap();
        for n_threads in [1, 2, 4, 8, 16] {
            let plan = training_plan(row, n_threads);
            let ([groups, parts], threads) = (plan.grid, plan.backward_threads);
            let [backward_groups, backward_parts] = plan.backward_grid;
            let sum = plan.micros + plan.backward_micros;
            let backward = format!("{backward_groups} x {backward_parts}, {threads}");
            write!(of_training, " {sum:.0} ({groups} x {parts}; {backward}) |").unwrap();
        }
        of_training.push('\n');
    }
    let tables = [("predictions", &table), ("predictions of training", &of_training)];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cores.md");
    let mut text = fs::read_to_string(&path).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for (name, table) in tables {
            let mark = format!("<!-- {name} -->\n");
            let (before, rest) = text.split_once(&mark).unwrap();
            let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
            let head = "| row | 1 | 2 | 4 | 8 | 16 |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
            text = [before, &mark, "\n", head, table, "\n<!-- end -->\n", after].concat();
        }
        fs::write(&path, text).unwrap();
        return;
    }
    for (_, table) in tables {
        assert!(text.contains(table), "docs/cores.md does not say\n{table}");
    }
}
