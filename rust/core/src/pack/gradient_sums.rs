//! Sums of weight gradients.
//!
//! In: the sizes of a layer's panels. Out: [`GradientSums`], sums in the order of the packed weights, in two
//! stages: those of the last steps, and those of all steps before. It does not know where terms come from.

use crate::aligned::Aligned;
use crate::error::Error;
use crate::plan::{PanelSizes, Panels, PanelsMut};

/// Sums of the weight gradients of one direction of a layer.
#[derive(Debug)]
pub(crate) struct GradientSums {
    sizes: PanelSizes,
    /// Of the last steps.
    recent: Stage,
    /// Of all steps before.
    total: Stage,
}

/// Sums, or memory for them.
#[derive(Debug)]
struct Stage {
    floats: Aligned,
    /// Whether the memory holds sums; else it may hold anything.
    is_begun: bool,
}

impl Stage {
    fn new(sizes: PanelSizes) -> Result<Self, Error> {
        let floats = Aligned::uninit(sizes.total(), "sums of weight gradients")?;
        Ok(Self { floats, is_begun: false })
    }
}

impl GradientSums {
    /// No sums yet.
    pub(crate) fn new(sizes: PanelSizes) -> Result<Self, Error> {
        Ok(Self { sizes, recent: Stage::new(sizes)?, total: Stage::new(sizes)? })
    }

    /// Forget all sums.
    pub(crate) fn clear(&mut self) {
        self.recent.is_begun = false;
        self.total.is_begun = false;
    }

    /// Where the next terms go, which must write all sums: whether there are any to add to, and the panels.
    pub(crate) fn begin(&mut self) -> (bool, PanelsMut<'_>) {
        let is_begun = std::mem::replace(&mut self.recent.is_begun, true);
        (is_begun, self.sizes.split(&mut self.recent.floats))
    }

    /// Add the sums of the last steps to those of all steps before.
    pub(crate) fn join(&mut self) {
        let Self { recent, total, .. } = self;
        if recent.is_begun && total.is_begun {
            for (sum, recent) in total.floats.iter_mut().zip(recent.floats.iter()) {
                *sum += *recent;
            }
        } else if recent.is_begun {
            std::mem::swap(&mut total.floats, &mut recent.floats);
        }
        total.is_begun |= recent.is_begun;
        recent.is_begun = false;
    }

    /// Take the sums of all steps together; zeros where there was none.
    pub(crate) fn finish(&mut self) {
        self.join();
        if !self.total.is_begun {
            self.total.floats.fill(0.0);
            self.total.is_begun = true;
        }
    }

    /// The sums of all steps, once they are finished.
    pub(crate) fn panels(&self) -> Panels<'_> {
        self.sizes.borrow(&self.total.floats)
    }
}

#[cfg(test)]
mod tests {
    use super::GradientSums;
    use crate::plan::PanelSizes;

    #[test]
    fn sums_of_the_last_steps_join_those_of_all_before() {
        let sizes = PanelSizes { input: 2, bias: 1, hidden: 3, ..PanelSizes::default() };
        let mut sums = GradientSums::new(sizes).unwrap();
        sums.finish();
        assert!(sums.panels().hidden.iter().all(|&sum| sum == 0.0), "no steps at all");
        for call in 0..2 {
            sums.clear();
            // What is added, whether it is added to something, whether the sum ends then.
            let steps =
                [(1.0, false, false), (2.0, true, true), (3.0, false, true), (4.0, false, false)];
            for (term, adds, ends) in steps {
                let (is_begun, panels) = sums.begin();
                assert_eq!(is_begun, adds, "call {call}");
                for sum in [panels.input, panels.bias, panels.hidden].into_iter().flatten() {
                    *sum = term + if is_begun { *sum } else { 0.0 };
                }
                if ends {
                    sums.join();
                }
            }
            sums.finish();
            let panels = sums.panels();
            assert_eq!([panels.input, panels.bias, panels.hidden].concat(), [10.0; 6]);
        }
    }
}
