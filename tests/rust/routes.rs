//! The gemm route beside the panels: both in one call, threads that share units, what is promised, what is said.

use crate::support::training::Way;
use crate::support::{CallWay, Case, Results, all_ways, ways};
use bnns_lstm::binding::{
    BoundWeights, GemmRows, LayerPlan, Outputs, Plan, Tuning, Weights, Workspace, forward,
};
use bnns_lstm::{Error, Level, Library, Options, Route};
use bnns_lstm_testkit::compare::{assert_close, widen};
use bnns_lstm_testkit::random::{Activations, Limits, random_case, random_layer};
use bnns_lstm_testkit::{Incoming, Inputs, Layer, Peephole};

/// Relative to max(1, |value|): sums of some hundred products.
const TOLERANCE: f64 = 2e-5;

fn limits(hidden_size: usize, batch_size: usize) -> Limits {
    Limits {
        variants: true,
        input_size: 7,
        hidden_size,
        batch_size,
        num_layers: 3,
        seq_len: 12,
        bidirectional: true,
        lengths: true,
        peepholes: true,
        activations: Activations::Default,
    }
}

fn cases(limits: &Limits, seeds: u64) -> impl Iterator<Item = (Case, Incoming)> {
    (0..seeds).map(|seed| {
        let drawn = random_case(seed, limits);
        (Case::new(&drawn.layer, &drawn.inputs), drawn.incoming)
    })
}

fn assert_near(name: &str, found: &Results, wanted: &Results) {
    for (found, wanted) in [(&found.y, &wanted.y), (&found.hn, &wanted.hn), (&found.cn, &wanted.cn)]
    {
        assert_close(name, found, &widen(wanted), TOLERANCE);
    }
}

/// Limits that lie between the rows of the steps of ragged batches, so that steps of one call take both routes,
/// and that differ from product to product.
fn mixed() -> [GemmRows; 5] {
    let never = usize::MAX;
    [
        GemmRows { inputs: never, hidden: 3, transposed: 4, gradients: 1 },
        GemmRows { inputs: 1, hidden: never, transposed: 2, gradients: never },
        GemmRows { inputs: 20, hidden: 5, transposed: never, gradients: never },
        GemmRows { inputs: 0, hidden: 0, transposed: 0, gradients: 0 },
        // The default of processors with AVX and no AVX2, but for the hidden states, which need more rows.
        GemmRows { inputs: 8, hidden: 6, transposed: 8, gradients: 8 },
    ]
}

#[test]
fn both_routes_in_one_call_agree_with_panels() -> Result<(), Error> {
    for (case, incoming) in cases(&limits(37, 9), 12) {
        for (level, n_threads) in ways() {
            let panels = CallWay { route: Route::Panels, level, n_threads };
            let outputs = case.run_in(panels)?;
            let gradients = case.gradients(&incoming, Way::of_call(panels))?;
            for gemm_rows in mixed() {
                let tuning = Tuning { gemm_rows, ..Tuning::of_machine() };
                let options = Options { tuning, products: None, ..panels.options() };
                let name = format!("{gemm_rows:?} at {level:?}, {n_threads} threads");
                assert_near(&name, &case.run_with(options)?, &outputs);
                let way = Way { route: None, tuning, ..Way::of_call(panels) };
                for (array, found) in case.gradients(&incoming, way)? {
                    let wanted = &gradients[&array];
                    let scale = wanted.iter().fold(1.0_f32, |scale, value| scale.max(value.abs()));
                    let tolerance = 1e-4 * f64::from(scale);
                    assert_close(&format!("{array}, {name}"), &found, &widen(wanted), tolerance);
                }
            }
        }
    }
    Ok(())
}

/// Inputs, units and rows beyond every block of `matrixmultiply`.
#[test]
fn large_products_agree_with_panels() -> Result<(), Error> {
    let limits = Limits { input_size: 600, num_layers: 1, seq_len: 3, ..limits(300, 150) };
    let is_large = |case: &Case| {
        let Layer { input_size, hidden_size, batch_size, .. } = case.layer;
        input_size > 256 && hidden_size > 256 && batch_size > 64
    };
    let large: Vec<_> = cases(&limits, 200).filter(|(case, _)| is_large(case)).take(2).collect();
    assert_eq!(large.len(), 2);
    for (case, _) in large {
        let [panels, gemm] = Route::ALL
            .map(|route| case.run_in(CallWay { route, level: Level::best(), n_threads: 1 }));
        assert_near("large products", &gemm?, &panels?);
    }
    Ok(())
}

#[test]
fn threads_that_share_units_multiply_their_own_columns() -> Result<(), Error> {
    let limits = Limits { seq_len: 30, ..limits(70, 3) };
    for (case, _) in cases(&limits, 6) {
        for level in Level::available() {
            let way = |n_threads| CallWay { route: Route::Gemm, level, n_threads };
            let one = case.run_in(way(1))?;
            for n_threads in [2, 3, 5] {
                assert_near(&format!("{:?}", way(n_threads)), &case.run_in(way(n_threads))?, &one);
            }
        }
    }
    Ok(())
}

/// `matrixmultiply` is promised to give the same bits from call to call, a vendor's library is not.
#[test]
fn the_same_call_gives_the_same_bits() -> Result<(), Error> {
    if Library::of_build() != Library::Matrixmultiply {
        return Ok(());
    }
    for (case, incoming) in cases(&limits(50, 20), 4) {
        for way in all_ways().into_iter().filter(|way| way.route == Route::Gemm) {
            assert_eq!(case.run_in(way)?.bits(), case.run_in(way)?.bits(), "{way:?}");
            let gradients = || case.gradients(&incoming, Way::of_call(way));
            let bits = |values: &f32| values.to_bits();
            for ((name, one), (_, other)) in gradients()?.iter().zip(&gradients()?) {
                let (one, other) = (one.iter().map(bits), other.iter().map(bits));
                assert!(one.eq(other), "{name} at {way:?}");
            }
        }
    }
    Ok(())
}

/// A layer without peepholes, of these sizes.
fn plain(steps: usize, batch: usize, hidden: usize) -> Case {
    let mut layer =
        random_layer(0, &Limits { peepholes: false, variants: false, ..limits(hidden, batch) });
    (layer.seq_len, layer.batch_size, layer.hidden_size) = (steps, batch, hidden);
    (layer.num_layers, layer.bidirectional, layer.batch_sizes) = (1, false, None);
    for (_, gate) in layer.gates.named_mut() {
        gate.iw = vec![vec![0.1; hidden * layer.input_size]];
        gate.hw = vec![0.1; hidden * hidden];
        gate.cw = Peephole::None;
        gate.b = None;
    }
    let x = vec![0.5; layer.x_len()];
    Case::new(&layer, &Inputs { x, h0: None, c0: None })
}

fn plan(case: &Case, options: Options) -> Result<Plan, Error> {
    let mut y = vec![0.0; case.layer.y_len()];
    let checked = case.checked(Way::new(options.level, 1), &mut y)?;
    Plan::new(&LayerPlan::new(&checked, options), &checked, options)
}

#[test]
fn weights_that_were_packed_for_another_route_are_refused() -> Result<(), Error> {
    let case = plain(3, 2, 8);
    let mut y = vec![0.0; case.layer.y_len()];
    let options = Options { n_threads: 1, ..Options::default() };
    let by = |route| Options { products: Some(route), ..options };
    let checked = case.checked(Way::new(options.level, 1), &mut y)?;
    let [panels, gemm] = Route::ALL.map(|route| LayerPlan::new(&checked, by(route)));
    assert_eq!(Plan::new(&panels, &checked, by(Route::Gemm)).err(), Some(WRONG_PLAN));
    let plan = Plan::new(&gemm, &checked, by(Route::Gemm))?;
    let views = case.weight_views();
    let bound = BoundWeights::bind(&checked, &views)?;
    let weights = Weights::pack(&panels, &bound)?;
    let outputs = Outputs { data: Some(y.as_mut_slice().into()), ..Outputs::default() };
    let result = forward(&plan, &weights, &mut Workspace::new(&plan)?, case.inputs(), outputs);
    assert_eq!(result, Err(Error::WrongLayer { what: "weights" }));
    Ok(())
}

const WRONG_PLAN: Error = Error::WrongLayer { what: "plan" };

/// A forced route packs its own order of weights only; rows that decide need both.
#[test]
fn only_the_orders_that_are_read_are_packed() -> Result<(), Error> {
    let case = plain(3, 2, 64);
    let options = Options { n_threads: 1, ..Options::default() };
    let bytes = |options: Options| -> Result<usize, Error> {
        Ok(plan(&case, options)?.layer().packed_bytes())
    };
    let [panels, gemm] =
        Route::ALL.map(|route| bytes(Options { products: Some(route), ..options }));
    let gemm_rows = GemmRows { inputs: 2, hidden: 2, transposed: 2, gradients: 2 };
    let tuning = Tuning { gemm_rows, ..options.tuning };
    let bias = 4 * 64 * size_of::<f32>();
    let (panels, both) = (panels?, bytes(Options { tuning, products: None, ..options })?);
    assert_eq!((gemm?, both), (panels, 2 * panels - bias));
    Ok(())
}

#[test]
fn a_plan_says_which_route_each_product_takes_and_who_computes_it() -> Result<(), Error> {
    let options = Options { n_threads: 1, training: true, ..Options::default() };
    let case = plain(6, 20, 64);
    let by = |route| -> Result<String, Error> {
        Ok(plan(&case, Options { products: Some(route), ..options })?.explain())
    };
    let library = Library::of_build().name();
    let text = by(Route::Gemm)?;
    for line in [
        format!("products, hidden states: gemm, [20, 64] by [64, 256] by {library}"),
        format!("products, gate gradients: gemm, [20, 256] by [256, 64] by {library}"),
        format!("products, weight gradients: gemm, [256, 120] by [120, 64] by {library}"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let text = by(Route::Panels)?;
    assert_eq!(text.matches(": panels\n").count(), 4, "{text}");
    let gemm_rows = GemmRows { hidden: 16, ..GemmRows::NEVER };
    let tuning = Tuning { gemm_rows, ..options.tuning };
    let text = plan(&case, Options { tuning, products: None, ..options })?.explain();
    assert!(text.contains(&format!("by {library}; gemm from 16 rows on\n")), "{text}");
    Ok(())
}
