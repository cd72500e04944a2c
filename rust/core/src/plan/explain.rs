//! Plans in words.
//!
//! In: a [`Plan`]. Out: text for people, which nobody reads back.

use super::backward::BackwardSizes;
use super::backward_division::{self, BackwardGrid};
use super::cache::{CacheRegion, HEADER_BYTES};
use super::call::Plan;
use super::cost::Grid;
use super::division::{Choice, alternatives};
use super::memory::GroupSizes;
use super::pipeline::Pipeline;
use super::products::Product;
use super::shape::Shape;
use crate::gate::Gate;
use crate::products::{Library, Route, Sizes};
use std::fmt;

impl Plan {
    /// The layer in one line, for people.
    pub fn summary(&self) -> String {
        let (config, layer) = (self.config(), self.layer.config);
        let directions = match (layer.directions, layer.variant.reverse) {
            (2, _) => ", bidirectional",
            (_, true) => ", reversed",
            (_, false) => "",
        };
        format!(
            "{} steps, {} samples, {} inputs, {} units, {} layers{directions}, level {}, {} threads",
            config.seq_len,
            config.batch_size,
            layer.inputs,
            layer.units,
            layer.layers,
            self.layer.level.name(),
            self.threads,
        )
    }

    /// What was decided, for people: level, tile, threads, which products take which route, bytes of packed weights, of the workspace and of
    /// the cache, and where the time should go.
    pub fn explain(&self) -> String {
        Explanation(self).to_string()
    }
}

/// What [`Plan::explain`] says.
struct Explanation<'p>(&'p Plan);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let Shape { geometry, lanes, is_fused, .. } = plan.layer.shape;
        let step = if is_fused { "fused step" } else { "generic step" };
        let varied = if plan.layer.config.variant.changes_steps() { " of a variant" } else { "" };
        writeln!(
            f,
            "level {}: {step}{varied}, {lanes} lanes, tiles of {} rows, or of 1 row and {} blocks",
            plan.layer.level.name(),
            geometry.tile_rows,
            geometry.tile_blocks
        )?;
        writeln!(
            f,
            "inputs: {}; weights read ahead: {}",
            self.projection(),
            if geometry.prefetches { "yes, for 2 rows or more" } else { "no, they stay close" },
        )?;
        let rows: Vec<usize> = plan.groups.iter().map(|group| group.rows).collect();
        writeln!(
            f,
            "threads {}: batch rows {rows:?}, directions {}, parts of the units {}",
            plan.threads, plan.layer.config.directions, plan.parts
        )?;
        self.division(f)?;
        if plan.layer.config.variant.projects {
            writeln!(
                f,
                "projection: {} units to {} outputs after each step, by panels; units are not divided among threads",
                plan.layer.config.units, plan.layer.config.outputs
            )?;
        }
        writeln!(f, "packed weights: {} bytes", plan.layer.packed_bytes())?;
        let floats: usize =
            plan.groups.iter().map(|group| GroupSizes::forward(plan, group).total()).sum();
        writeln!(f, "workspace: {} bytes", floats * size_of::<f32>())?;
        self.products(f)?;
        self.work(f)?;
        if plan.training { self.training(f) } else { Ok(()) }
    }
}

impl Explanation<'_> {
    /// When inputs are projected.
    fn projection(&self) -> &'static str {
        let plan = self.0;
        let rows = plan.groups.iter().map(|group| group.rows).max().unwrap_or(0);
        if plan.config().seq_len == 1 && plan.projects_with_steps(rows, 1) {
            "projected with the step"
        } else if plan.projects_with_steps(rows, 1) {
            "projected with each step that has rows enough, else a chunk of steps at a time"
        } else {
            "projected a chunk of steps at a time"
        }
    }

    /// The grid that was chosen, and those that were not, with what the model says of them.
    fn division(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let model = plan.model();
        let chosen = plan.division.grid;
        let timed = |grid: Grid| {
            let Grid { rows, parts, pipeline, threads } = grid;
            let micros = model.micros(grid);
            let layers = pipeline.map_or(String::new(), |Pipeline { threads, steps }| {
                format!(" x {threads} layers, {steps} steps at a time")
            });
            format!("{rows} groups x {parts} parts{layers}, {threads} threads: {micros:.0} us")
        };
        let is_forced = plan.division.choice == Choice::Forced;
        let forced = if is_forced { ", forced" } else { "" };
        write!(f, "grid: {} by the model{forced}", timed(chosen))?;
        declined(f, chosen, alternatives(model, plan.available), timed)?;
        writeln!(f)
    }

    /// Which route each product takes, and who computes it.
    fn products(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { layer, groups, training_chunk_steps, .. } = self.0;
        let config = &layer.config;
        let widths = (0..config.layers).map(|number| config.layer_inputs(number));
        let inputs = widths.max().unwrap_or(0);
        let rows = groups.iter().map(|group| group.rows).max().unwrap_or(0);
        let all = groups.iter().map(|group| group.rows_of(&(0..self.0.span_steps()))).max();
        let chunk = layer.chunk_rows(rows, all.unwrap_or(rows), self.0.parts);
        let gates = Gate::COUNT * layer.shape.padded_units();
        let of = |rows, inner, columns| Sizes { rows, inner, columns };
        self.product(f, "inputs", Product::Inputs, chunk, of(chunk, inputs, gates))?;
        let hidden = of(rows, config.outputs, gates);
        self.product(f, "hidden states", Product::Hidden, rows, hidden)?;
        if self.0.training {
            let transposed = of(rows, gates, config.outputs);
            self.product(f, "gate gradients", Product::Transposed, rows, transposed)?;
            let rows = training_chunk_steps * self.0.config().batch_size;
            let sums = of(gates, rows, config.outputs);
            self.product(f, "weight gradients", Product::Gradients, rows, sums)?;
        }
        Ok(())
    }

    fn product(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        product: Product,
        rows: usize,
        sizes: Sizes,
    ) -> fmt::Result {
        let products = &self.0.layer.products;
        let Sizes { rows: first, inner, columns } = sizes;
        let route = products.route(product, rows);
        write!(f, "products, {name}: {}", route.name())?;
        if route == Route::Gemm {
            let library = Library::of(sizes).name();
            write!(f, ", [{first}, {inner}] by [{inner}, {columns}] by {library}")?;
        }
        if Route::ALL.into_iter().all(|route| products.may_take(product, route)) {
            write!(f, "; gemm from {} rows on", products.least_rows(product))?;
        }
        writeln!(f)
    }

    /// Where the time of a forward call should go: to products, or, with few rows a step, to reading weights.
    fn work(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.0.layer.config;
        let hidden = (layer.layers * layer.outputs) as f64;
        let inputs: usize = (0..layer.layers).map(|number| layer.layer_inputs(number)).sum();
        let share = hidden / (hidden + inputs as f64);
        write!(
            f,
            "work: {:.3} MFLOP, {:.0}% of it in the recurrence; each step reads {} bytes of weights for {} rows",
            self.0.config().work() / 1e6,
            100.0 * share,
            4 * self.0.layer.shape.padded_units() * layer.outputs * size_of::<f32>(),
            self.0.config().batch_size,
        )
    }

    /// How the backward pass is divided, and how it is not, with what the model says of both.
    fn backward_grid(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let rows: Vec<usize> = plan.backward_groups.iter().map(|group| group.rows).collect();
        let timed = |grid: BackwardGrid| {
            let BackwardGrid { rows, parts, threads } = grid;
            let micros = plan.model().backward_micros(grid, plan.threads);
            format!("{rows} groups x {parts} parts, {threads} threads: {micros:.0} us")
        };
        let forced = if plan.layer.tuning.backward_grid.is_some() { ", forced" } else { "" };
        let chosen = timed(plan.backward);
        write!(f, "\nbackward pass: batch rows {rows:?}, {chosen} by the model{forced}")?;
        let others = backward_division::alternatives(plan.model(), plan.available, plan.threads);
        declined(f, plan.backward, others, timed)
    }

    /// What a plan for training adds.
    fn training(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        self.backward_grid(f)?;
        write!(f, "\nbackward: {} steps at a time", plan.training_chunk_steps)?;
        let floats = BackwardSizes::new(plan).total(&plan.layer);
        write!(f, ", workspace {} bytes", floats * size_of::<f32>())?;
        if let Some(layout) = &plan.cache {
            write!(f, "\ncache: {} bytes, header {HEADER_BYTES}", layout.bytes)?;
        }
        for CacheRegion { name, offset, shape } in plan.cache_regions() {
            write!(f, ", {name} {shape:?} at {offset}")?;
        }
        Ok(())
    }
}

/// The divisions that were not chosen, each once, as `timed` says them.
fn declined<G: Copy + PartialEq>(
    f: &mut fmt::Formatter<'_>,
    chosen: G,
    others: Vec<G>,
    timed: impl Fn(G) -> String,
) -> fmt::Result {
    let mut named = vec![chosen];
    for grid in others {
        if !named.contains(&grid) {
            let before = if named.len() > 1 { "," } else { "; declined:" };
            write!(f, "{before} {}", timed(grid))?;
            named.push(grid);
        }
    }
    Ok(())
}
