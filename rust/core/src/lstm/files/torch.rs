//! What the names and shapes of `PyTorch`'s weights say about an LSTM.
//!
//! In: entries under a prefix. Out: the configuration that they make up, or why there is none. Whether all entries fit
//! it is not its question.

use super::super::config::LstmConfig;
use super::entries::Entries;
use crate::check::Peephole;
use crate::error::{Code, DescriptorError, Issue, Path};

const KINDS: [&str; 6] = ["weight_ih", "weight_hh", "weight_hr", "weight_ch", "bias_ih", "bias_hh"];

/// A name such as `weight_ih_l0_reverse`.
struct Name {
    kind: &'static str,
    layer: usize,
    is_reverse: bool,
}

impl Name {
    fn of(name: &str) -> Option<Self> {
        let (kind, place) = name.split_once("_l")?;
        let kind = KINDS.into_iter().find(|&known| known == kind)?;
        let number = place.strip_suffix("_reverse").unwrap_or(place);
        let layer: usize = number.parse().ok()?;
        // "+1" and "01" are no numbers of layers.
        (layer.to_string() == number).then_some(Self { kind, layer, is_reverse: number != place })
    }
}

/// The configuration of the entries under a prefix.
pub(super) fn config_of(
    entries: &Entries<'_>,
    prefix: &str,
) -> Result<LstmConfig, DescriptorError> {
    let all = entries.names();
    let under = all.iter().filter_map(|name| name.strip_prefix(prefix));
    let own: Vec<_> = under.filter_map(Name::of).collect();
    let shape = |name: &str| entries.shape(&format!("{prefix}{name}"));
    let (below, recurrent) = (shape("weight_ih_l0"), shape("weight_hh_l0"));
    let fail = |name: &str, code, expected: String, actual: String| {
        let path = Path::entry(format!("{prefix}{name}"));
        Err(DescriptorError::from(Issue { path, code, expected, actual }))
    };
    let (below, recurrent) = match (below, recurrent) {
        (Some(below), Some(recurrent)) => (below, recurrent),
        (None, None) => {
            let first: Vec<_> = all.iter().take(20).copied().collect();
            let actual = format!("no such entry among {} ({})", all.len(), first.join(", "));
            let expected = "the weights of an LSTM under the prefix".to_owned();
            return fail("weight_ih_l0", Code::MissingEntry, expected, actual);
        }
        (below, _) => {
            let name = if below.is_none() { "weight_ih_l0" } else { "weight_hh_l0" };
            return fail(name, Code::MissingEntry, "a matrix".into(), "no such entry".into());
        }
    };
    let is_projected = shape("weight_hr_l0").is_some();
    let (hidden_size, proj_size) = match *recurrent {
        [rows, outputs] if outputs > 0 && rows == outputs.saturating_mul(4) && !is_projected => {
            (outputs, 0)
        }
        [rows, outputs] if outputs > 0 && rows > 0 && rows % 4 == 0 && is_projected => {
            (rows / 4, outputs)
        }
        _ => {
            let expected = if is_projected { "[4*hidden, proj]" } else { "[4*hidden, hidden]" };
            let actual = format!("{recurrent:?}");
            return fail("weight_hh_l0", Code::SizeMismatch, expected.to_owned(), actual);
        }
    };
    let input_size = match *below {
        [_, inputs] if inputs > 0 => inputs,
        _ => {
            let expected = format!("[{}, input]", 4 * hidden_size);
            return fail("weight_ih_l0", Code::SizeMismatch, expected, format!("{below:?}"));
        }
    };
    let mut layers: Vec<_> = own.iter().map(|name| name.layer).collect();
    layers.sort_unstable();
    layers.dedup();
    let mut config = LstmConfig::new(input_size, hidden_size);
    config.num_layers = layers.len();
    config.proj_size = proj_size;
    config.bidirectional = own.iter().any(|name| name.is_reverse);
    config.bias = own.iter().any(|name| name.kind.starts_with("bias"));
    if own.iter().any(|name| name.kind == "weight_ch") {
        let is_full = shape("weight_ch_l0").is_some_and(|shape| shape.len() == 2);
        config.peephole = if is_full { Peephole::Full } else { Peephole::Diagonal };
    }
    Ok(config)
}
