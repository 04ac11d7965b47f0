//! The built command against everything it promises.
//!
//! `t0` needs a compiler, `t1` a kernel with seccomp and no privilege, `t2` root and programs of other people. A test
//! is a sentence, lives in a directory of its own, and waits for conditions with a deadline.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod t0;
#[cfg(test)]
mod t1;
#[cfg(test)]
mod t2;
