//! What a terminal tells of itself.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Returns its rows and columns; `None` where the file is no terminal, or it does not
/// tell.
#[must_use]
pub fn size(file: impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(file).ok()?;
    let is_known = size.ws_row != 0 && size.ws_col != 0;
    is_known.then(|| (size.ws_row.into(), size.ws_col.into()))
}

/// The keys of the terminal on standard input, each as it is pressed and not shown. The
/// terminal gets its settings back at the end.
#[derive(Debug)]
pub struct Keys {
    before: Termios,
}

impl Keys {
    /// Ctrl-C: it comes as a key, so that the settings are put back.
    pub const INTERRUPT: u8 = 3;

    /// Takes the keys; `None` where standard input is no terminal, or one that another
    /// process group has.
    #[must_use]
    pub fn take() -> Option<Self> {
        let input = io::stdin();
        if !input.is_terminal()
            || rustix::termios::tcgetpgrp(&input).ok()? != rustix::process::getpgrp()
        {
            return None;
        }
        let before = tcgetattr(&input).ok()?;
        let mut now = before.clone();
        now.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&input, OptionalActions::Now, &now).ok()?;
        Some(Self { before })
    }

    /// Returns the key that is pressed within `patience`, if one is; [`Keys::INTERRUPT`]
    /// where there are none any more.
    #[must_use]
    #[expect(clippy::unused_self, reason = "only who has taken the keys gets them")]
    pub fn wait(&self, patience: Duration) -> Option<u8> {
        let input = io::stdin();
        let timeout = Timespec::try_from(patience).ok()?;
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        let ready = poll(&mut polled, Some(&timeout)).ok()?;
        if ready == 0 {
            return None;
        }
        let mut key = [0];
        match input.lock().read(&mut key) {
            Ok(1) => Some(key[0]),
            _ => Some(Self::INTERRUPT),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // where the terminal is gone there is nothing to put back
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
