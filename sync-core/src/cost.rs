//! Counts what folds and checks do, so that a law can say how it grows with a document.
//!
//! Outside of this crate's own tests counting does nothing and costs nothing.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod law;

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    static ALLOCATED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One elementary step of reading a document: a fact, a key, a value or a change looked at.
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// What a piece of work took.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Work {
    /// Steps counted by [`step`].
    steps: u64,
    /// Bytes asked of the allocator, however soon they were given back.
    allocated: u64,
}

/// Counts the work of this thread.
#[cfg(test)]
fn count<T>(work: impl FnOnce() -> T) -> (T, Work) {
    let now = || Work {
        steps: STEPS.with(std::cell::Cell::get),
        allocated: ALLOCATED.with(std::cell::Cell::get),
    };
    let before = now();
    let done = work();
    let after = now();
    let steps = after.steps - before.steps;
    (done, Work { steps, allocated: after.allocated - before.allocated })
}

/// The system's allocator, which counts.
#[cfg(test)]
struct Counting;

#[cfg(test)]
#[global_allocator]
static COUNTING: Counting = Counting;

#[cfg(test)]
#[allow(unsafe_code)]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|bytes| bytes.set(bytes.get() + layout.size() as u64));
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}
