//! The exact algebra of call sets with argument conditions.
//!
//! Sets of calls are unions of boxes: per argument an interval and a bit mask at once. That is all OCI conditions can
//! say, it is closed under intersection and complement, and emptiness is decidable with a witness. stage, diff,
//! merge, equiv, prove and lint stand on it; there is no second one.
//!
//! [`ArgSet`] (one argument) → [`ArgBox`] (six) → [`Region`] (union of boxes) → [`CallSet`] (per call).

mod arg;
mod argbox;
mod calls;
mod region;

pub use arg::{ArgSet, Op};
pub use argbox::ArgBox;
pub use calls::CallSet;
pub(crate) use calls::exists;
pub use region::Region;
