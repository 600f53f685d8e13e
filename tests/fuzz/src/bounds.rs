//! No input may take more than so much memory and so much time: both are counted here.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Most memory an input may hold at a time, bytes.
pub const MEMORY: usize = 64 << 20;
/// Most time an input may take, of a processor and not of the clock: others use the machine too.
pub const TIME: Duration = Duration::from_millis(250);

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// Everything is passed on as it came; only sizes are noted.
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

/// Does the work and gives its result, within [`MEMORY`] and [`TIME`].
pub fn bounded<T>(work: impl Fn() -> T) -> T {
    conversation(|meter| meter.input(&work))
}

/// Does work that takes several inputs one after the other, each within [`MEMORY`], all that is kept
/// since the first counted, and [`TIME`].
pub fn conversation<T>(work: impl Fn(&mut Meter) -> T) -> T {
    let measured = || {
        let mut meter = Meter { before: LIVE.load(Relaxed), memory: 0, time: Duration::ZERO };
        (work(&mut meter), meter)
    };
    let (result, Meter { memory, time, .. }) = measured();
    assert!(memory <= MEMORY, "{memory} bytes at a time");
    // A machine that was elsewhere for a moment is forgiven; the input's own time is not.
    let again = || measured().1.time > TIME;
    assert!(time <= TIME || !(again() && again()), "{time:?}");
    result
}

/// The most that any input took so far.
pub struct Meter {
    before: usize,
    memory: usize,
    time: Duration,
}

impl Meter {
    /// Takes one input.
    pub fn input<T>(&mut self, work: impl FnOnce() -> T) -> T {
        PEAK.store(LIVE.load(Relaxed), Relaxed);
        let started = processor();
        let result = work();
        self.time = self.time.max(processor().saturating_sub(started));
        self.memory = self.memory.max(PEAK.load(Relaxed).saturating_sub(self.before));
        result
    }
}

fn processor() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
