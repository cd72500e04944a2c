//! The caches of a core.
//!
//! In: what the system tells of them; on Linux the files below `/sys`. Out: [`Caches`], bytes of each level.
//! It does not know what is stored in them.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Bytes that one core has of each cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caches {
    /// The second one, of one core alone.
    pub l2: usize,
    /// The third one, divided by the cores that share it.
    pub l3: usize,
}

/// Where Linux describes the caches of the first core, one folder for each.
const FOLDER: &str = "/sys/devices/system/cpu/cpu0/cache";

impl Caches {
    /// Those of the Xeon (Sapphire Rapids, 2 of its cores) on which most numbers of [`Tuning`](super::Tuning)
    /// were measured, with 16 MiB of L3 a core. They are assumed where the system tells nothing.
    pub const REFERENCE: Self = Self { l2: 2 << 20, l3: 16 << 20 };

    /// Those of this machine, read once; what the system does not tell is taken from
    /// [`REFERENCE`](Self::REFERENCE).
    pub fn of_machine() -> Self {
        static FOUND: OnceLock<Caches> = OnceLock::new();
        *FOUND.get_or_init(|| Self::read(Path::new(FOLDER)))
    }

    /// From the files of a folder such as [`FOLDER`].
    fn read(folder: &Path) -> Self {
        let mut caches = Self::REFERENCE;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match read_cache(&entry.path()) {
                Some((2, bytes)) => caches.l2 = bytes,
                Some((3, bytes)) => caches.l3 = bytes,
                // The nearest ones, and what is no cache: nothing is decided by them.
                Some(_) | None => {}
            }
        }
        caches
    }
}

/// The level of a cache that holds data, and its bytes for each core; `None` for one of instructions alone,
/// and for a folder that describes none.
fn read_cache(folder: &Path) -> Option<(usize, usize)> {
    let text = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(text.trim().to_owned())
    };
    if text("type")? == "Instruction" {
        return None;
    }
    let size = text("size")?;
    let bytes = size.strip_suffix('K')?.parse::<usize>().ok()?.checked_mul(1024)?;
    let cores = count_cores(&text("shared_cpu_list")?)?;
    Some((text("level")?.parse().ok()?, bytes / cores)).filter(|&(_, bytes)| bytes > 0)
}

/// How many cores a list such as `0-3,8` names; `None` for none.
fn count_cores(list: &str) -> Option<usize> {
    let mut count: usize = 0;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count).filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::{Caches, count_cores};
    use std::fs;

    #[test]
    fn cores_of_a_list_are_counted() {
        assert_eq!(count_cores("0"), Some(1));
        assert_eq!(count_cores("0-3,8,10-11"), Some(7));
        for wrong in ["", "a", "3-1", "0-18446744073709551615", ",", "-"] {
            assert_eq!(count_cores(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn files_are_read_and_what_they_do_not_say_is_assumed() {
        let folder = std::env::temp_dir().join(format!("bnns-lstm-caches-{}", std::process::id()));
        let caches = [
            ["1", "Data", "32K", "0"],
            ["1", "Instruction", "64K", "0"],
            ["2", "Unified", "512K", "0"],
            ["2", "Unified", "a lot", "0"],
            ["3", "Unified", "32768K", "0-1"],
            ["4", "Unified", "99999K", "0"],
        ];
        for (index, values) in caches.into_iter().enumerate() {
            let of_cache = folder.join(format!("index{index}"));
            fs::create_dir_all(&of_cache).unwrap();
            for (name, value) in
                ["level", "type", "size", "shared_cpu_list"].into_iter().zip(values)
            {
                fs::write(of_cache.join(name), format!("{value}\n")).unwrap();
            }
        }
        let found = Caches::read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, Caches { l2: 512 << 10, l3: 16 << 20 });
        assert_eq!(Caches::read(&folder), Caches::REFERENCE, "no folder");
    }

    #[test]
    fn this_machine_has_some() {
        let Caches { l2, l3 } = Caches::of_machine();
        assert!(l2 >= 1 << 16 && l3 >= 1 << 16, "{l2} {l3}");
    }
}
