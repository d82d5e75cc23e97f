//! The terminal on standard output.

use std::mem::MaybeUninit;

/// Its rows and columns.
#[must_use]
pub fn size() -> Option<(usize, usize)> {
    let mut size = MaybeUninit::<libc::winsize>::uninit();
    // SAFETY: the request fills in this structure.
    if unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: filled in by the call.
    let size = unsafe { size.assume_init() };
    let known = size.ws_row != 0 && size.ws_col != 0;
    known.then(|| (size.ws_row.into(), size.ws_col.into()))
}
