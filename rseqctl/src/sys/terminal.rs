//! The terminal on standard output.

use rustix::termios::tcgetwinsize;

/// Returns its rows and columns; `None` where there is no terminal, or it does not
/// tell.
#[must_use]
pub fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    let is_known = size.ws_row != 0 && size.ws_col != 0;
    is_known.then(|| (size.ws_row.into(), size.ws_col.into()))
}
