//! The options a filter is loaded with, `SECCOMP_FILTER_FLAG_*`.

/// `SECCOMP_FILTER_FLAG_LOG`, `include/uapi/linux/seccomp.h`.
const LOG: u32 = 1 << 1;
/// `SECCOMP_FILTER_FLAG_SPEC_ALLOW`.
const SPEC_ALLOW: u32 = 1 << 2;

/// The options that belong to a filter itself; who listens or which threads take part is the loader's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Log every action but ALLOW.
    pub log: bool,
    /// Leave speculative store bypass on.
    pub spec_allow: bool,
}

impl Flags {
    /// The bits for seccomp(2).
    pub fn bits(self) -> u32 {
        (if self.log { LOG } else { 0 }) | (if self.spec_allow { SPEC_ALLOW } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_the_kernels() {
        assert_eq!(Flags::default().bits(), 0);
        assert_eq!(Flags { log: true, spec_allow: true }.bits(), 6);
    }
}
