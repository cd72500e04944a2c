//! The ways in which the same layer is computed: route of products, SIMD level, threads.
//!
//! In: the levels of the machine. Out: ways, and what two results of one must agree on.

use bnns_lstm::{Level, Options, Route};
use bnns_lstm_testkit::compare::{assert_close, widen};

/// How a layer is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallWay {
    pub route: Route,
    pub level: Level,
    pub n_threads: usize,
}

impl CallWay {
    /// The options that force it.
    pub fn options(self) -> Options {
        let Self { route, level, n_threads } = self;
        let products = Some(route);
        Options { level, n_threads, products, force_threads: true, ..Options::default() }
    }

    /// Check that two results of it are the same, however calls, batches and threads were divided: to the last
    /// bit by panels, but for rounding by a library.
    pub fn assert_same(self, what: &str, found: &[f32], wanted: &[f32]) {
        let name = format!("{what} at {self:?}");
        match self.route {
            Route::Panels => assert_eq!(bits(found), bits(wanted), "{name}"),
            Route::Gemm => assert_close(&name, found, &widen(wanted), 1e-5),
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Every level of the machine, with one thread and with two.
pub fn ways() -> Vec<(Level, usize)> {
    Level::available().into_iter().flat_map(|level| [(level, 1), (level, 2)]).collect()
}

/// The same by both routes.
pub fn all_ways() -> Vec<CallWay> {
    let of = |route| {
        ways().into_iter().map(move |(level, n_threads)| CallWay { route, level, n_threads })
    };
    Route::ALL.into_iter().flat_map(of).collect()
}
