//! The cores that threads may run on.
//!
//! In: what the system tells of them; on Linux the files below `/sys`. Out: [`Cores`]. It does not know who runs there.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::sync::OnceLock;

/// How many threads run at the same time, and how many of them have a core for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cores {
    /// Threads that run at the same time.
    pub threads: usize,
    /// Cores; two threads of one core share its units of arithmetic and its caches.
    pub physical: usize,
}

/// Where Linux describes processors, one folder for each.
const FOLDER: &str = "/sys/devices/system/cpu";

impl Cores {
    /// Those that this process may use, read once. Each thread has a core of its own where the system tells nothing else.
    pub fn of_machine() -> Self {
        static FOUND: OnceLock<Cores> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
            Self::read(Path::new(FOLDER), threads)
        })
    }

    /// From the files of a folder such as [`FOLDER`], of which a process may use so many threads.
    fn read(folder: &Path, threads: usize) -> Self {
        let (mut all, mut cores) = (0, BTreeSet::new());
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let siblings = entry.path().join("topology").join("thread_siblings_list");
            if let Ok(siblings) = fs::read_to_string(siblings) {
                all += 1;
                cores.insert(siblings);
            }
        }
        // A process with a part of the threads is taken to have as many of each core as the machine has.
        let physical = if all == 0 { threads } else { (threads * cores.len()).div_ceil(all) };
        Self { threads, physical: physical.clamp(1, threads) }
    }
}

#[cfg(test)]
mod tests {
    use super::Cores;
    use std::fs;

    #[test]
    fn threads_of_one_core_are_counted_once() {
        let folder = std::env::temp_dir().join(format!("bnns-lstm-cores-{}", std::process::id()));
        let topology = |cpu: usize| folder.join(format!("cpu{cpu}")).join("topology");
        for (cpu, siblings) in ["0,2", "1,3", "0,2", "1,3"].into_iter().enumerate() {
            fs::create_dir_all(topology(cpu)).unwrap();
            fs::write(topology(cpu).join("thread_siblings_list"), format!("{siblings}\n")).unwrap();
        }
        fs::create_dir_all(folder.join("cpufreq")).unwrap();
        let found = [4, 3, 1].map(|threads| Cores::read(&folder, threads));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.map(|cores| (cores.threads, cores.physical)), [(4, 2), (3, 2), (1, 1)]);
        assert_eq!(Cores::read(&folder, 5), Cores { threads: 5, physical: 5 }, "no folder");
    }
}
