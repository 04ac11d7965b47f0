//! The Pod Security Standards.

mod pss_baseline;
mod pss_restricted;

use callgate_core::profile::json::Value;

use super::super::manifest::{Chosen, Pod};
use super::super::pss::{FIELDS_SINCE, Level, Standard, WINDOWS_SINCE};
use super::table;

table![pss_baseline, pss_restricted,];

/// What the admission controller takes a `seccompProfile` for.
#[derive(Clone, Copy)]
enum Said<'o> {
    /// It is not there, or null.
    Nothing,
    /// One of the two types that are let through.
    Fine,
    /// Any other type, or none (pod-security-admission, `policy/check_seccompProfile_baseline.go`, validSeccomp).
    Bad(Chosen<'o>),
}

impl<'o> Said<'o> {
    fn of(chosen: Option<Chosen<'o>>) -> Self {
        match chosen {
            Some(chosen) if matches!(chosen.kind(), Some("RuntimeDefault" | "Localhost")) => Self::Fine,
            Some(chosen) if chosen.node.value != Value::Null => Self::Bad(chosen),
            _ => Self::Nothing,
        }
    }
}

/// Whether a standard looks at the fields of a pod. The exemption for Windows is the restricted check's alone, which takes the place
/// of the baseline one (`policy/check_seccompProfile_restricted.go`, OverrideCheckIDs).
fn sees_fields(standard: Standard, pod: &Pod<'_>) -> bool {
    let exempt = standard.level == Level::Restricted && standard.minor >= WINDOWS_SINCE && pod.is_windows();
    standard.minor >= FIELDS_SINCE && !exempt
}
