//! How much memory the run takes: of the heap, counted by the allocator, and of the system.

use std::fs;

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What one third of the run took of the heap, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Third {
    pub peak: u64,
    /// Of all looks, and how many there were.
    sum: u64,
    looks: u64,
}

impl Third {
    /// What it was in the middle of things.
    pub fn mean(self) -> u64 {
        self.sum.checked_div(self.looks).unwrap_or_default()
    }
}

/// The heap over the run. A leak makes the last third take more than the first: the mean shows it better than the peak,
/// which depends on how many clients were at a very large event at the same moment.
#[derive(Debug, Default)]
pub struct Memory {
    thirds: [Third; 3],
    /// Which third this is.
    current: usize,
}

impl Memory {
    /// Looks at the heap; it is this third of the run, counting from 0. To be called every now and then.
    pub fn look(&mut self, third: usize) {
        let current = &mut self.thirds[self.current];
        current.peak = current.peak.max(bytes(HEAP.peak_usage()));
        current.sum += Memory::now();
        current.looks += 1;
        let third = third.min(self.thirds.len() - 1);
        if third != self.current {
            self.current = third;
            HEAP.reset_peak_usage();
        }
    }

    /// The heap at this moment, in bytes.
    pub fn now() -> u64 {
        bytes(HEAP.current_usage())
    }

    /// The most that it was, in bytes.
    pub fn peak(&self) -> u64 {
        self.thirds.iter().map(|third| third.peak).max().unwrap_or_default()
    }

    /// What each third of the run took.
    pub fn thirds(&self) -> [Third; 3] {
        self.thirds
    }

    /// The most that the process had in memory, in bytes, where the system tells.
    pub fn peak_resident() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}

fn bytes(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
