//! Filters that the user names: raw ones, and what is compiled from a profile.

use std::path::Path;

use callgate_bpf::{Program, check};
use callgate_core::{Arch, Meaning};

use crate::exit::Failure;
use crate::input::{self, Loaded};
use crate::output::Output;
use crate::parse;
use crate::recording::program;

/// What a file with a filter looks like, for those who name another.
const RAW: &str =
    "a filter is what `callgate compile PROFILE --emit raw` writes: struct sock_filter[], 8 bytes each";

/// Reads a raw filter. Whether the kernel would take it is not asked.
pub(crate) fn raw(path: &Path) -> Result<Program, Failure> {
    raw_of(path, &input::bytes(path)?)
}

fn raw_of(path: &Path, bytes: &[u8]) -> Result<Program, Failure> {
    let name = input::name(path);
    if is_json(bytes) {
        return Err(Failure::new(format!("`{name}`: this is JSON, not a filter")).hint(RAW));
    }
    Program::from_bytes(bytes).map_err(|error| Failure::new(format!("`{name}`: {error}")).hint(RAW))
}

/// Whether the kernel would take a filter; if not, which instruction it would refuse, and why.
pub(crate) fn accepted(path: &Path, program: &Program) -> Result<(), Failure> {
    let refused =
        |error| Failure::new(format!("`{}`: the kernel would refuse it: {error}", input::name(path)));
    check(program).map_err(|error| refused(error).hint(RAW))
}

/// A filter that somebody names, and the profile it is of.
pub(crate) struct Any {
    pub(crate) program: Program,
    /// With its meaning, which the filter was proven to have.
    pub(crate) profile: Option<(Loaded, Meaning)>,
}

/// Reads a profile and compiles it, or reads a raw filter, which the kernel has to take. Its content says which it is:
/// no instruction begins with a brace. A profile is one of a machine of architecture `arches`; for none, of this one.
pub(crate) fn any(path: &Path, arches: &[String], output: &Output) -> Result<Any, Failure> {
    let bytes = input::bytes(path)?;
    if is_json(&bytes) {
        let loaded = input::profile_of(path, input::text_of(path, bytes)?)?;
        loaded.tell_notes(output);
        let meaning = match arches.first() {
            Some(native) => loaded.meaning_on(parse::arch(native)?)?,
            None => loaded.meaning()?,
        };
        return Ok(Any { program: program(&meaning)?, profile: Some((loaded, meaning)) });
    }
    let program = raw_of(path, &bytes)?;
    accepted(path, &program).map(|()| Any { program, profile: None })
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What a profile means where the filter is for these architectures, the machine's own first; for none: here.
pub(crate) fn meaning(loaded: &Loaded, arches: &[String]) -> Result<Meaning, Failure> {
    let arches = arches.iter().map(|name| parse::arch(name)).collect::<Result<Vec<Arch>, _>>()?;
    let Some(native) = arches.first() else { return loaded.meaning() };
    let mut meaning = loaded.meaning_on(*native)?;
    if let Some(missing) = arches.iter().find(|arch| !meaning.arches.contains_key(arch)) {
        let message = format!("{}: the profile filters no calls of {missing}", loaded.name);
        let hint = format!(
            "add {} to its `architectures`, or name the machine's own first: --arch {missing}",
            missing.oci()
        );
        return Err(Failure::new(message).hint(hint));
    }
    meaning.arches.retain(|arch, _| arches.contains(arch));
    Ok(meaning)
}
