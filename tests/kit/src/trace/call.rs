//! One system call of a traced thread.

use tls_model::rseq::FLAG_UNREGISTER;

/// One `sys_rseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Process.
    pub process: i32,
    /// Thread.
    pub thread: i32,
    /// Address of the area.
    pub area: u64,
    /// Length in bytes.
    pub length: u32,
    /// Flags of `sys_rseq`.
    pub flags: u32,
    /// Signature.
    pub signature: u32,
    /// 0, or a negative errno.
    pub result: i64,
}

impl Call {
    /// Returns whether it asked for a registration (and not for the end of one).
    #[must_use]
    pub fn registers(&self) -> bool {
        self.flags & FLAG_UNREGISTER == 0
    }
}
