//! Plans in words.
//!
//! In: a [`Plan`]. Out: text for people, which nobody reads back.

use super::backward::BackwardSizes;
use super::cache::{CacheRegion, HEADER_BYTES};
use super::call::Plan;
use super::memory::GroupSizes;
use super::shape::Shape;
use std::fmt::Write as _;

impl Plan {
    /// The layer in one line, for people.
    pub fn summary(&self) -> String {
        let (config, layer) = (self.config(), self.layer.config);
        let directions = if layer.directions == 2 { ", bidirectional" } else { "" };
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

    /// What was decided, for people: level, tile, threads, bytes of packed weights, of the workspace and of
    /// the cache, and where the time should go.
    pub fn explain(&self) -> String {
        let Shape { geometry, lanes, is_fused, .. } = self.layer.shape;
        let mut text = String::new();
        let step = if is_fused { "fused step" } else { "generic step" };
        let _ = writeln!(
            text,
            "level {}: {step}, {lanes} lanes, tiles of {} rows, or of 1 row and {} blocks",
            self.layer.level.name(),
            geometry.tile_rows,
            geometry.tile_blocks
        );
        let _ = writeln!(
            text,
            "inputs: {}; weights read ahead: {}",
            self.explain_projection(),
            if geometry.prefetches { "yes, for 2 rows or more" } else { "no, they stay close" },
        );
        let rows: Vec<usize> = self.groups.iter().map(|group| group.rows).collect();
        let _ = writeln!(
            text,
            "threads {}: batch rows {rows:?}, directions {}, parts of the units {}",
            self.threads, self.layer.config.directions, self.parts
        );
        let _ = writeln!(text, "packed weights: {} bytes", self.layer.packed_bytes());
        let floats: usize =
            self.groups.iter().map(|group| GroupSizes::forward(self, group).total()).sum();
        let _ = writeln!(text, "workspace: {} bytes", floats * size_of::<f32>());
        self.explain_work(&mut text);
        if self.training {
            self.explain_training(&mut text);
        }
        text
    }

    /// When inputs are projected.
    fn explain_projection(&self) -> &'static str {
        let rows = self.groups.iter().map(|group| group.rows).max().unwrap_or(0);
        if self.config().seq_len == 1 && self.projects_with_steps(rows, 1) {
            "projected with the step"
        } else if self.projects_with_steps(rows, 1) {
            "projected with each step that has rows enough, else a chunk of steps at a time"
        } else {
            "projected a chunk of steps at a time"
        }
    }

    /// Where the time of a forward call should go: to products, or, with few rows a step, to reading weights.
    fn explain_work(&self, text: &mut String) {
        let layer = self.layer.config;
        let hidden = (layer.layers * layer.outputs) as f64;
        let inputs: usize = (0..layer.layers).map(|number| layer.layer_inputs(number)).sum();
        let share = hidden / (hidden + inputs as f64);
        let _ = write!(
            text,
            "work: {:.3} MFLOP, {:.0}% of it in the recurrence; each step reads {} bytes of weights for {} rows",
            self.config().work() / 1e6,
            100.0 * share,
            4 * self.layer.shape.padded_units() * layer.outputs * size_of::<f32>(),
            self.config().batch_size,
        );
    }

    /// What a plan for training adds.
    fn explain_training(&self, text: &mut String) {
        let steps = self.training_chunk_steps;
        let _ = write!(text, "\nbackward: {steps} steps at a time");
        let bytes = BackwardSizes::new(self).total(self.layer.config.directions) * size_of::<f32>();
        let _ = write!(text, ", workspace {bytes} bytes");
        if let Some(layout) = &self.cache {
            let _ = write!(text, "\ncache: {} bytes, header {HEADER_BYTES}", layout.bytes);
        }
        for region in self.cache_regions() {
            let CacheRegion { name, offset, shape } = region;
            let _ = write!(text, ", {name} {shape:?} at {offset}");
        }
    }
}
