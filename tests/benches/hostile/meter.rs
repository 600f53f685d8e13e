//! Processor time of this thread, and the most memory it held.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on as it came; only sizes are noted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What a piece of work took.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub cpu: Duration,
    /// Bytes held at a time beyond what was held before.
    pub peak: usize,
}

pub fn measure(work: impl FnOnce()) -> Taken {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let started = processor();
    work();
    let cpu = processor().saturating_sub(started);
    Taken { cpu, peak: PEAK.load(Relaxed).saturating_sub(before) }
}

/// Time this thread had a processor, as Linux counts it.
fn processor() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
