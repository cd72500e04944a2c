//! Two plans: weights that were packed once serve calls of any batch and length, and no other layer.

use crate::support::Case;
use crate::support::training::Way;
use bnns_lstm::binding::{
    BoundWeights, Caches, LayerPlan, Outputs, Plan, Tuning, Weights, Workspace, cache_capacity,
    forward, forward_caching,
};
use bnns_lstm::{Error, Level, Options, Route};
use bnns_lstm_testkit::Inputs as LayerInputs;
use bnns_lstm_testkit::Layer;
use bnns_lstm_testkit::random::{Limits, Rng, random_layer};
use std::borrow::Cow;
use std::sync::Arc;

/// Options whose results are the same to the last bit, whatever is planned.
fn by_panels() -> Options {
    Options { products: Some(Route::Panels), ..Options::default() }
}

/// A layer with this many steps and samples, and inputs for it; the weights are always the same.
fn case(steps: usize, batch: usize) -> Case {
    let limits = Limits { hidden_size: 21, lengths: false, variants: false, ..Limits::default() };
    let mut layer: Layer = random_layer(3, &limits);
    (layer.seq_len, layer.batch_size, layer.batch_sizes) = (steps, batch, None);
    let x = Rng::new(1).reals(layer.x_len(), 1.0);
    Case::new(&layer, &LayerInputs { x, h0: None, c0: None })
}

/// Outputs with weights that were packed before.
fn run(case: &Case, weights: &Weights, options: Options) -> Result<Vec<f32>, Error> {
    run_planned(case, weights.layer(), weights, options)
}

/// Outputs of a plan for this layer plan.
fn run_planned(
    case: &Case,
    layer: &Arc<LayerPlan>,
    weights: &Weights,
    options: Options,
) -> Result<Vec<f32>, Error> {
    let mut y = vec![f32::NAN; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, 1), &mut y)?;
    let plan = Plan::new(layer, &checked, options)?;
    let mut workspace = Workspace::new(&plan)?;
    let outputs = Outputs { data: Some(y.as_mut_slice().into()), ..Outputs::default() };
    forward(&plan, weights, &mut workspace, case.inputs(), outputs)?;
    Ok(y)
}

fn pack(case: &Case, options: Options) -> Result<Weights, Error> {
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, 1), &mut y)?;
    let views = case.weight_views();
    Weights::pack(&LayerPlan::new(&checked, options), &BoundWeights::bind(&checked, &views)?)
}

#[test]
fn a_plan_takes_another_seed_of_dropout_where_something_is_dropped() -> Result<(), Error> {
    let limits = Limits { hidden_size: 9, ..Limits::default() };
    let stacked =
        (0..100).map(|seed| random_layer(seed, &limits)).find(|layer| layer.num_layers > 1);
    let layer = stacked.unwrap();
    let x = Rng::new(1).reals(layer.x_len(), 1.0);
    let case = Case::new(&layer, &LayerInputs { x, h0: None, c0: None });
    let options = Options { training: true, n_threads: 1, ..by_panels() };
    let plan = |dropout, seed| {
        let mut y = vec![0.0; case.layer.y_len()];
        let way = Way { dropout, seed, ..Way::new(options.level, 1) };
        let checked = case.checked(way, &mut y)?;
        Plan::new(&LayerPlan::new(&checked, options), &checked, options)
    };
    let (one, other, without) = (plan(0.5, 3)?, plan(0.5, 4)?, plan(0.0, 3)?);
    assert_ne!(one.config(), other.config());
    assert_eq!(one.with_seed(4).config(), other.config());
    assert!(matches!(one.with_seed(3), Cow::Borrowed(_)));
    assert!(matches!(without.with_seed(4), Cow::Borrowed(_)));
    Ok(())
}

#[test]
fn weights_that_were_packed_once_serve_any_batch_and_length() -> Result<(), Error> {
    for level in Level::available() {
        let options = Options { level, n_threads: 1, ..by_panels() };
        let weights = pack(&case(1, 1), options)?;
        for (steps, batch) in [(1, 1), (7, 1), (3, 40), (90, 2)] {
            let case = case(steps, batch);
            let own = case.run(level, 1)?;
            assert_eq!(run(&case, &weights, options)?, own.y, "{level:?} {steps} {batch}");
        }
    }
    Ok(())
}

#[test]
fn weights_of_another_layer_or_level_are_refused() -> Result<(), Error> {
    let options = Options { n_threads: 1, ..by_panels() };
    let wrong = Err(Error::WrongLayer { what: "plan" });
    let small = Limits { hidden_size: 4, ..Limits::default() };
    let mut layer = random_layer(3, &small);
    layer.batch_sizes = None;
    let x = vec![0.0; layer.x_len()];
    let other = Case::new(&layer, &LayerInputs { x, h0: None, c0: None });
    assert_eq!(run(&case(2, 2), &pack(&other, options)?, options), wrong);
    let fallback = Options { level: Level::fallback(), ..options };
    if options.level != fallback.level {
        assert_eq!(run(&case(2, 2), &pack(&case(2, 2), fallback)?, options), wrong);
    }
    let tuning = Tuning { chunk_bytes: 1, ..options.tuning };
    assert_eq!(
        run(&case(2, 2), &pack(&case(2, 2), Options { tuning, ..options })?, options),
        wrong
    );
    Ok(())
}

#[test]
fn weights_for_inference_fill_no_cache() -> Result<(), Error> {
    let options = Options { n_threads: 1, training: true, ..by_panels() };
    let case = case(4, 3);
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, 1), &mut y)?;
    let layer = LayerPlan::new(&checked, options);
    let plan = Plan::new(&layer, &checked, options)?;
    let views = case.weight_views();
    let bound = BoundWeights::bind(&checked, &views)?;
    let mut fill = |weights: &Weights| {
        let mut cache = vec![7; cache_capacity(checked.config()).unwrap()];
        let outputs = Outputs { data: Some(y.as_mut_slice().into()), ..Outputs::default() };
        let workspace = &mut Workspace::new(&plan)?;
        let result = forward_caching(&plan, weights, workspace, case.inputs(), outputs, &mut cache);
        assert_eq!(result.is_err(), cache.iter().all(|&byte| byte == 7));
        result
    };
    let error = fill(&Weights::pack_for_inference(&layer, &bound)?);
    assert_eq!(error, Err(Error::NotForTraining { what: "weights" }));
    fill(&Weights::pack(&layer, &bound)?)
}

#[test]
fn equal_plans_are_as_good_as_the_same_one() -> Result<(), Error> {
    let options = Options { n_threads: 1, ..by_panels() };
    let case = case(4, 3);
    let [one, other] = [pack(&case, options)?, pack(&case, options)?];
    assert!(!Arc::ptr_eq(one.layer(), other.layer()));
    let own = case.run(options.level, 1)?.y;
    assert_eq!(run_planned(&case, other.layer(), &one, options)?, own);
    Ok(())
}

/// Caches from none to huge ones change which way a layer is computed, and no bit.
#[test]
fn no_tuned_number_changes_a_bit() -> Result<(), Error> {
    let tunings = [(0, 0), (1 << 12, 1 << 14), (1 << 40, 1 << 40)]
        .map(|(l2, l3)| Tuning::new(Caches { l2, l3 }));
    let edges = |tuning: Tuning| {
        [
            tuning,
            Tuning { rows_to_project: 1, rows_to_project_prefetched: 1, ..tuning },
            Tuning { rows_to_project: 1000, rows_to_project_prefetched: 1000, ..tuning },
            Tuning { grid: Some([1, 2]), moves_threads: false, ..tuning },
            Tuning { grid: Some([3, 2]), word_floats: 0, ..tuning },
            Tuning { chunk_bytes: 1, ..tuning },
        ]
    };
    for (steps, batch) in [(9, 1), (5, 30)] {
        let case = case(steps, batch);
        let own = case.run(Level::best(), 1)?.y;
        for tuning in tunings.into_iter().flat_map(edges) {
            for n_threads in [1, 2] {
                let options = Options { n_threads, tuning, force_threads: true, ..by_panels() };
                let weights = pack(&case, options)?;
                assert_eq!(run(&case, &weights, options)?, own, "{steps} {batch} {options:?}");
            }
        }
    }
    Ok(())
}
