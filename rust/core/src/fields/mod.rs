//! The arrays of the structure, by name.
//!
//! In: nothing. Out: records with a value for each array of a gate, of all weights or of a data descriptor, and the
//! names and paths of these arrays. Besides the reading order of `error`, the only place that names them. It does not
//! know what a value is.

mod data;
mod gate;
mod weights;

pub use data::{DataField, DataFields, Side};
pub use gate::{GateField, GateFields};
pub use weights::{WeightField, WeightFields};

#[cfg(test)]
mod tests {
    use super::{DataField, DataFields, GateField, Side, WeightFields};
    use crate::error::Path;
    use crate::gate::Gate;

    #[test]
    fn the_reading_order_knows_every_array_and_has_them_in_the_order_of_the_records() {
        let root = Path::field("params");
        let mut paths = Vec::new();
        for side in [Side::Input, Side::Output] {
            let data = DataFields::try_from_fn(|field| Ok::<_, ()>(field.path(&root, side)));
            paths.extend(data.unwrap().each().map(Path::clone));
        }
        let weights = WeightFields::<()>::default().map(|field, ()| field.path(&root));
        paths.extend(weights.each().cloned());
        let ranks: Vec<_> = paths.iter().map(Path::reading_order).collect();
        assert!(ranks.is_sorted_by(|one, next| one < next), "{paths:?}");
        let unknown = Path::field("unknown").reading_order();
        assert!(ranks.iter().flatten().all(|rank| unknown.iter().all(|unknown| rank < unknown)));
    }

    #[test]
    fn an_array_is_found_where_the_structure_has_it() {
        let path = GateField::IwUpper.path(&Path::default(), Gate::Forget);
        assert_eq!(path.to_string(), "forget_gate.iw_desc[1]");
        let path = DataField::Cell.path(&Path::field("delta_params"), Side::Output);
        assert_eq!(path.to_string(), "delta_params.output_descriptor.cell_state_desc");
    }
}
