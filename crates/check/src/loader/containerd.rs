//! containerd (`contrib/seccomp/seccomp.go`, WithProfile): the file is read into runtime-spec's struct and handed over.
//! Docker's keys are none of that struct's, and count for nothing.

use super::{Loaded, written};
use crate::dialect::Dialect;
use crate::document::Refusal;

pub(super) fn load(text: &str) -> Result<Loaded, Refusal> {
    let document = Dialect::Go.read(text).map_err(|refusal| Refusal {
        message: format!("decoding seccomp profile failed: {}", refusal.message),
        ..refusal
    })?;
    Ok(Loaded::Profile(Box::new(written(document))))
}
