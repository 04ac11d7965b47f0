//! Filters that the user names, raw or as JSON, and what is compiled from a profile.

use std::path::Path;

use callgate_bpf::{Program, Proof, Weights, check, emit_weighted, prove};
use callgate_check::{Resolved, Target};
use callgate_core::{Arch, Meaning};

use crate::exit::{Exit, Failure};
use crate::input::{self, Kind, Loaded, Named};
use crate::output::Output;
use crate::{parse, source, target, witness};

/// What a file with a filter looks like, for those who name another.
const RAW: &str =
    "a filter is what `callgate compile PROFILE --emit raw` writes: struct sock_filter[], 8 bytes each";

/// Compiles what callgate itself or a profile wants of the kernel, and proves for every input that it is that.
pub(crate) fn program(meaning: &Meaning) -> Result<Program, Failure> {
    weighted(meaning, &Weights::BuiltIn)
}

/// The same, with short paths for what these weights name.
pub(crate) fn weighted(meaning: &Meaning, weights: &Weights) -> Result<Program, Failure> {
    let program = emit_weighted(meaning, weights)
        .map_err(|e| Failure::new(format!("cannot compile the filter: {e}")))?;
    proven(program, meaning)
}

/// The program, if it does with every input what the meaning says.
fn proven(program: Program, meaning: &Meaning) -> Result<Program, Failure> {
    match prove(&program, meaning) {
        Proof::Equal => Ok(program),
        Proof::Differs(found) => {
            let call = witness::call(&found.data);
            let message =
                format!("the compiled filter is wrong: {call}: {} instead of {}", found.left, found.right);
            Err(Failure::new(message)
                .hint("nothing was loaded or written; this is a bug, please report it")
                .exit(Exit::Bug))
        }
        Proof::Undecided(why) => {
            let largest = callgate_bpf::emit::largest(meaning);
            let message = format!("the compiled filter cannot be proven to be what the profile says: {why}");
            Err(Failure::new(message).hint(format!("simplify the rules with most alternatives: {largest}")))
        }
    }
}

/// What somebody named where a filter may stand.
enum Content {
    Filter(Program),
    /// JSON that is no filter.
    Other(Named),
}

/// Reads a filter, raw or as `--emit json` writes it. Its content says which it is: no instruction begins with a brace.
fn content(path: &Path) -> Result<Content, Failure> {
    let (name, bytes) = (input::name(path), input::bytes(path)?);
    let wrong = |error: String| Failure::new(format!("`{name}`: {error}"));
    let unmarked = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if !unmarked.trim_ascii_start().starts_with(b"{") {
        let program = Program::from_bytes(&bytes).map_err(|error| wrong(error.to_string()).hint(RAW))?;
        return Ok(Content::Filter(program));
    }
    let named = input::text_of(path, bytes)?;
    if input::kind(&named.text) != Kind::Filter {
        return Ok(Content::Other(named));
    }
    let hint = "write it again: callgate compile PROFILE --emit json -o FILE";
    source::read(&named.text).map(Content::Filter).map_err(|error| wrong(error).hint(hint))
}

/// Reads a filter. Whether the kernel would take it is not asked.
pub(crate) fn raw(path: &Path) -> Result<Program, Failure> {
    let named = match content(path)? {
        Content::Filter(program) => return Ok(program),
        Content::Other(named) => named,
    };
    if input::kind(&named.text) == Kind::Profile {
        let hint = format!("make its filter first: callgate compile {} --emit raw -o FILTER", path.display());
        return Err(Failure::new(format!("`{}`: this is a profile, not a filter", named.name)).hint(hint));
    }
    Err(Failure::new(format!("`{}`: this is JSON, not a filter", named.name)).hint(RAW))
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
    /// What becomes of the profile where it is used, if somebody asked for that.
    pub(crate) resolved: Option<Resolved>,
}

/// Reads a profile and compiles it, or reads a filter, which the kernel has to take. A profile is one of this machine.
pub(crate) fn any(path: &Path, output: &Output) -> Result<Any, Failure> {
    at(path, &Place::Raw(input::native), output)
}

/// For whom a profile is read.
pub(crate) enum Place<'t> {
    /// Nobody: the raw OCI meaning on a machine of this architecture, which is asked for only if there is a profile.
    Raw(fn() -> Result<Arch, Failure>),
    /// The same, of a named one.
    On(Arch),
    /// A loader and a runtime.
    Target(&'t Target),
}

/// The same as [`any`], of a profile that is used somewhere.
pub(crate) fn at(path: &Path, place: &Place<'_>, output: &Output) -> Result<Any, Failure> {
    let named = match content(path)? {
        Content::Filter(program) => {
            return accepted(path, &program).map(|()| Any { program, profile: None, resolved: None });
        }
        Content::Other(named) => named,
    };
    let loaded = input::profile_of(path, named)?;
    if !matches!(place, Place::Target(_)) {
        loaded.tell_notes(output);
    }
    let (meaning, resolved) = match place {
        Place::Raw(native) => (loaded.meaning_on(native()?)?, None),
        Place::On(native) => (loaded.meaning_on(*native)?, None),
        Place::Target(place) => {
            let resolved = target::resolved(&loaded, place)?;
            target::tell(&loaded, &resolved, output);
            (target::meaning(&loaded, &resolved)?, Some(resolved))
        }
    };
    Ok(Any { program: program(&meaning)?, profile: Some((loaded, meaning)), resolved })
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

#[cfg(test)]
mod tests {
    use callgate_bpf::{Insn, insn::op};
    use callgate_core::Action;
    use callgate_core::meaning::Clause;

    use super::*;

    #[test]
    fn what_is_not_proven_is_refused_as_a_bug_or_with_the_rules_to_make_simpler() {
        let mut meaning = Meaning::uniform([Arch::X86_64], Action::Errno(1), Action::KillThread);
        let rules = meaning.arches.get_mut(&Arch::X86_64).unwrap();
        rules.calls.insert(0, vec![Clause::any(Action::Allow)]);
        let right = program(&meaning).unwrap_or_else(|failure| panic!("{}", failure.message));
        let wrong =
            callgate_bpf::emit(&Meaning::uniform([Arch::X86_64], Action::Errno(1), Action::KillThread));
        let refused = proven(wrong.unwrap(), &meaning).unwrap_err();
        assert!(refused.exit == Exit::Bug && refused.message.contains("read("), "{}", refused.message);
        assert!(refused.message.ends_with("EPERM instead of allow"), "{}", refused.message);
        // The same with a number that is computed first.
        let at = right.insns().iter().position(|i| *i == Insn::stmt(op::LD_W_ABS, 0)).unwrap();
        let mut computed = right;
        computed.0.insert(at + 1, Insn::stmt(op::ADD_K, 0));
        let refused = proven(computed, &meaning).unwrap_err();
        assert!(
            refused.exit == Exit::Failed && refused.message.contains("cannot be proven"),
            "{}",
            refused.message
        );
        assert!(refused.hint.is_some_and(|hint| hint.contains("x86_64 read")));
    }
}
