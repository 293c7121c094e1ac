//! How much memory the run takes: heap, counted by the allocator, and resident memory.

use std::fs;

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The heap in one third of the run, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Third {
    pub peak: u64,
    /// The sum of all measurements, and how many there were.
    sum: u64,
    count: u64,
}

impl Third {
    /// The mean of all measurements.
    pub fn mean(self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or_default()
    }
}

/// The heap over the run. With a leak, the last third takes more than the first. The mean shows it better than the peak,
/// which depends on how many clients receive a very large event at the same moment.
#[derive(Debug, Default)]
pub struct Memory {
    thirds: [Third; 3],
    /// Which third this is.
    current: usize,
}

impl Memory {
    /// Measures the heap. `third` is the current third of the run, counting from 0. Call it regularly.
    pub fn measure(&mut self, third: usize) {
        let current = &mut self.thirds[self.current];
        current.peak = current.peak.max(bytes(HEAP.peak_usage()));
        current.sum += Memory::now();
        current.count += 1;
        let third = third.min(self.thirds.len() - 1);
        if third != self.current {
            self.current = third;
            HEAP.reset_peak_usage();
        }
    }

    /// The heap now, in bytes.
    pub fn now() -> u64 {
        bytes(HEAP.current_usage())
    }

    /// The largest heap so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.thirds.iter().map(|third| third.peak).max().unwrap_or_default()
    }

    /// The heap in each third of the run.
    pub fn thirds(&self) -> [Third; 3] {
        self.thirds
    }

    /// The largest resident set of the process, in bytes, where the operating system tells it.
    pub fn peak_resident() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}

fn bytes(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
