//! The path to a field.
//!
//! In: field names and indices, outermost first. Out: text such as `input_gate.iw_desc[0].size[1]` and an
//! order in which a reader of the structure would meet the fields. It does not know which fields exist
//! beyond that order.

use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Item {
    Field(&'static str),
    Index(usize),
}

/// Where a field stands in the structure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Path {
    items: Vec<Item>,
}

/// All field names in the order of the C structures; a field that is missing here comes last.
const READING_ORDER: &[&str] = &[
    "params",
    "delta_params",
    "input_size",
    "hidden_size",
    "batch_size",
    "num_layers",
    "seq_len",
    "dropout",
    "lstm_flags",
    "sequence_descriptor",
    "input_descriptor",
    "output_descriptor",
    "input_gate",
    "forget_gate",
    "candidate_gate",
    "output_gate",
    "hidden_activation",
    "extensions",
    "cell_clip",
    "gate_clip",
    "gate_clip_hidden",
    "coupled",
    "reverse",
    "projection_size",
    "projection_desc",
    "data_desc",
    "hidden_desc",
    "cell_state_desc",
    "iw_desc",
    "hw_desc",
    "cw_desc",
    "b_desc",
    "activation",
    "function",
    "alpha",
    "beta",
    "iscale",
    "ioffset",
    "ishift",
    "iscale_per_channel",
    "ioffset_per_channel",
    "ishift_per_channel",
    "flags",
    "layout",
    "size",
    "stride",
    "data",
    "data_type",
    "table_data",
    "table_data_type",
    "data_scale",
    "data_bias",
    "filter_params",
    "n_threads",
    "seed",
    "checkpoint_steps",
    "cache",
];

impl Path {
    /// The path of a top-level field.
    pub fn field(name: &'static str) -> Self {
        Self { items: vec![Item::Field(name)] }
    }

    /// This path with a field of it: `p.name`.
    #[must_use]
    pub fn then(&self, name: &'static str) -> Self {
        self.with(Item::Field(name))
    }

    /// This path with an element of it: `p[index]`.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        self.with(Item::Index(index))
    }

    fn with(&self, item: Item) -> Self {
        let mut items = Vec::with_capacity(self.items.len() + 1);
        items.extend_from_slice(&self.items);
        items.push(item);
        Self { items }
    }

    /// Whether one of the two is the other or a part of it.
    pub fn is_related_to(&self, other: &Self) -> bool {
        self.items.iter().zip(&other.items).all(|(a, b)| a == b)
    }

    /// A sort key: the position of each item among its siblings.
    pub(crate) fn reading_order(&self) -> Vec<usize> {
        let rank = |item: &Item| match *item {
            Item::Field(name) => {
                READING_ORDER.iter().position(|&known| known == name).unwrap_or(READING_ORDER.len())
            }
            Item::Index(index) => index,
        };
        self.items.iter().map(rank).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.items.iter().enumerate() {
            match item {
                Item::Field(name) if position == 0 => write!(f, "{name}")?,
                Item::Field(name) => write!(f, ".{name}")?,
                Item::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn a_path_reads_like_the_source_that_sets_the_field() {
        let path = Path::field("input_gate").then("iw_desc").at(0).then("size").at(1);
        assert_eq!(path.to_string(), "input_gate.iw_desc[0].size[1]");
    }

    #[test]
    fn reading_order_is_the_order_of_the_structure() {
        let early = Path::field("input_gate").then("hw_desc").then("size").at(1);
        let late = Path::field("input_gate").then("b_desc").then("layout");
        assert!(early.reading_order() < late.reading_order());
        assert!(Path::field("dropout").reading_order() < early.reading_order());
    }

    #[test]
    fn a_part_is_related_to_its_whole_and_not_to_its_sibling() {
        let whole = Path::field("input_gate").then("hw_desc");
        assert!(whole.is_related_to(&whole.then("data")));
        assert!(whole.then("data").is_related_to(&whole));
        assert!(!whole.is_related_to(&Path::field("input_gate").then("cw_desc")));
    }
}
