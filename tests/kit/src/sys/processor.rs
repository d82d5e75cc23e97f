//! On which processors a thread may run.

use std::marker::PhantomData;

/// Keeps the calling thread, and what it starts, on the processor that it is on, until this
/// is dropped: two that take turns wake each other several times as fast there. Where the
/// kernel does not allow it, nothing happens.
#[derive(Debug)]
pub struct OnOneProcessor {
    before: Option<libc::cpu_set_t>,
    // dropped by the thread that it belongs to
    _here: PhantomData<*const ()>,
}

impl OnOneProcessor {
    /// Begins.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: it takes nothing.
        let here = usize::try_from(unsafe { libc::sched_getcpu() }).ok();
        let before = allowed().filter(|_| here.is_some_and(allow_only));
        Self {
            before,
            _here: PhantomData,
        }
    }
}

impl Default for OnOneProcessor {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for OnOneProcessor {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            allow(before);
        }
    }
}

fn allowed() -> Option<libc::cpu_set_t> {
    let mut set = none();
    // SAFETY: the set is as long as said; 0 is the calling thread.
    let status = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    (status == 0).then_some(set)
}

fn allow(set: &libc::cpu_set_t) -> bool {
    // SAFETY: as above.
    unsafe { libc::sched_setaffinity(0, size_of_val(set), set) == 0 }
}

fn allow_only(processor: usize) -> bool {
    let mut set = none();
    if processor >= 8 * size_of_val(&set) {
        return false;
    }
    // SAFETY: the set has a bit for it.
    unsafe { libc::CPU_SET(processor, &mut set) };
    allow(&set)
}

fn none() -> libc::cpu_set_t {
    // SAFETY: it consists of numbers.
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use super::{OnOneProcessor, allowed};

    fn count() -> Option<i32> {
        // SAFETY: the set is read.
        allowed().map(|set| unsafe { libc::CPU_COUNT(&set) })
    }

    #[test]
    fn the_thread_may_go_elsewhere_afterwards() {
        let before = count();
        let one = OnOneProcessor::new();
        assert_eq!(count(), Some(1));
        let started = std::thread::spawn(count).join();
        assert_eq!(started.expect("it does not panic"), Some(1));
        drop(one);
        assert_eq!(count(), before);
    }
}
