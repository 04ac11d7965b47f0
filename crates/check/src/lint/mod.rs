//! lint: what will break or is unsafe, at the exact place, with the way out.

mod finding;

pub use finding::{Confidence, Edit, FileReport, Finding, Fix, Label, Located, Position, Positions};
