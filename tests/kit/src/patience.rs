//! How long to wait on a busy machine.
//!
//! Limits are for programs that hang. They are written down for a machine that does
//! nothing else, and are stretched by what waits for its processors.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// No limit is stretched further: something that hangs must be reported one day.
const MOST: f64 = 10.0;

/// Returns the limit, stretched by the load of this machine.
#[must_use]
pub fn stretched(limit: Duration) -> Duration {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = available_parallelism().map_or(1, NonZero::get) as u32;
    limit.mul_f64(factor(&text, processors))
}

/// Waits until something is so, for as long as the stretched limit. Returns whether it came
/// to be so.
#[must_use]
pub fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + stretched(limit);
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns by how much: the threads that have wanted a processor in the last minute or
/// want one now, for each processor; twice that, because load comes in bursts.
fn factor(loadavg: &str, processors: u32) -> f64 {
    let mut words = loadavg.split(' ');
    let lately: Option<f64> = words.next().and_then(|word| word.parse().ok());
    let now = words.nth(2).and_then(|word| word.split_once('/'));
    let now: Option<f64> = now.and_then(|(now, _)| now.parse().ok());
    let load = lately.unwrap_or(0.0).max(now.unwrap_or(0.0));
    (2.0 * load / f64::from(processors)).clamp(1.0, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_gets_more_and_none_gets_less() {
        let is = |text: &str, processors, expected: f64| {
            assert!((factor(text, processors) - expected).abs() < 1e-9, "{text}");
        };
        is("0.00 0.01 0.05 1/100 1234\n", 2, 1.0);
        is("6.00 3.00 1.00 1/100 1234\n", 2, 6.0);
        // a load that has just come
        is("0.10 0.01 0.05 9/100 1234\n", 2, 9.0);
        is("500.00 3.00 1.00 1/100 1234\n", 2, MOST);
        is("", 2, 1.0);
        assert!(stretched(LIMIT) >= LIMIT);
    }

    #[test]
    fn what_comes_to_be_so_is_waited_for() {
        let mut looks = 0;
        assert!(until(LIMIT, || {
            looks += 1;
            looks == 3
        }));
        assert!(!until(Duration::ZERO, || false));
    }

    const LIMIT: Duration = Duration::from_secs(3);
}
