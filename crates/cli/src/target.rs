//! Where a profile is used, as the user says it, and what becomes of it there.

use std::collections::BTreeSet;

use callgate_check::document::{Document, Refusal};
use callgate_check::resolve::{Resolved, resolve};
use callgate_check::runtime::Outcome as Made;
use callgate_check::target::{Loader, Runtime, Target};
use callgate_core::baseline::{self, Kernel, Machine};
use callgate_core::floor::Version;
use callgate_core::{Arch, Meaning, Profile, args, capability, suggest};
use callgate_linux::features;

use crate::cli::Where;
use crate::exit::Failure;
use crate::input::Loaded;
use crate::output::{Output, foreign};

/// How many calls nothing can be said about are named.
const MAX_UNDECIDED: usize = 3;

impl Where {
    /// Who reads the file: nobody but the runtime, where nobody is named.
    pub(crate) fn loader(&self) -> &str {
        self.loader.as_deref().unwrap_or("oci")
    }

    /// Whether anything but the raw OCI meaning is asked for.
    pub(crate) fn is_named(&self) -> bool {
        self.loader() != "oci" || !self.runtime.is_empty()
    }

    /// One target per runtime that is named; one without a runtime if none is.
    pub(crate) fn targets(&self, arch: Arch) -> Result<Vec<Target>, Failure> {
        let loader: Loader = self.loader().parse().map_err(|e| refused(&e))?;
        let libseccomp = self.libseccomp.as_deref().map(release).transpose()?;
        let docker = baseline::find("docker").map_or(&[][..], |docker| docker.caps);
        let caps = caps(&self.caps, docker)?;
        let machine = Machine { arch, kernel: kernel(self.kernel.as_deref())?, caps };
        let no_new_privs = self.nnp.unwrap_or(false);
        let names = self.runtime.iter().flat_map(|list| list.split(',')).map(str::trim);
        let runtimes = names.map(|name| name.parse::<Runtime>().map_err(|e| refused(&e)));
        let mut runtimes: Vec<Option<Runtime>> = runtimes.map(|r| r.map(Some)).collect::<Result<_, _>>()?;
        if runtimes.is_empty() {
            runtimes.push(None);
        }
        let target = |runtime| Target { loader, runtime, machine: machine.clone(), libseccomp, no_new_privs };
        Ok(runtimes.into_iter().map(target).collect())
    }

    /// The one target of verbs that take one.
    pub(crate) fn target(&self, arch: Arch) -> Result<Target, Failure> {
        let targets = self.targets(arch)?;
        match <[Target; 1]>::try_from(targets) {
            Ok([target]) => Ok(target),
            Err(_) => Err(Failure::new("one runtime at a time").hint("name one --runtime")),
        }
    }
}

fn refused(error: &dyn std::error::Error) -> Failure {
    Failure::new(error.to_string())
}

fn release(text: &str) -> Result<Version, Failure> {
    // What Debian 12 has: the calls of Linux 6.7 were added to it (its changelog, 2.5.4-1+deb12u1).
    let text = if text == "2.5.4-1+deb12u1" { "2.5.5" } else { text };
    let wrong = |_| Failure::new(format!("`{text}` is no release of libseccomp")).hint("write 2.5.4");
    Version::series(text).map(|(first, _)| first).map_err(wrong)
}

/// A kernel by its release; this machine's for none.
pub(crate) fn kernel(text: Option<&str>) -> Result<Kernel, Failure> {
    match text {
        Some(text) => text.parse().map_err(|e| refused(&e).hint("write 6.1, or what `uname -r` prints")),
        // A kernel that says nothing readable of itself has nothing that came with a release.
        None => Ok(features::kernel_release().parse().unwrap_or(Kernel::new(0, 0))),
    }
}

/// Capabilities by name, `default` being these, which also hold where none is named.
pub(crate) fn caps(names: &[String], default: &[&str]) -> Result<BTreeSet<String>, Failure> {
    let owned = |caps: &[&str]| caps.iter().map(|cap| (*cap).to_owned()).collect();
    match names.iter().map(|n| n.trim()).collect::<Vec<_>>()[..] {
        [] => return Ok(owned(default)),
        ["none"] => return Ok(BTreeSet::new()),
        ["all"] => return Ok(owned(&capability::NAMES)),
        _ => {}
    }
    let mut found = BTreeSet::new();
    for name in names.iter().map(|name| name.trim()) {
        match name {
            "default" => found.extend(owned(default)),
            name => found.extend([cap(name)?.to_owned()]),
        }
    }
    Ok(found)
}

/// One capability: `CAP_SYS_ADMIN`, `SYS_ADMIN`, `sys_admin`.
fn cap(name: &str) -> Result<&'static str, Failure> {
    capability::find(name).ok_or_else(|| {
        let capital = name.to_ascii_uppercase();
        let full = format!("CAP_{}", capital.strip_prefix("CAP_").unwrap_or(&capital));
        let failure = Failure::new(format!("`{}` is no capability", foreign(name)));
        match suggest::nearest(&full, capability::NAMES) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("names are those of capabilities(7); or none, default or all"),
        }
    })
}

/// What becomes of a profile that was read; a loader or runtime that refuses it is an error.
pub(crate) fn resolved(loaded: &Loaded, target: &Target) -> Result<Resolved, Failure> {
    resolve(&loaded.text, target).map_err(|refusal| refusal_of(loaded, &refusal))
}

fn refusal_of(loaded: &Loaded, refusal: &Refusal) -> Failure {
    let spanned = refusal.span.as_ref().map(|span| callgate_core::profile::line_of(&loaded.text, span.start));
    let line = refusal.line.or(spanned).map(|line| format!(":{line}")).unwrap_or_default();
    Failure::new(format!("{}{line}: {} refuses the profile: {}", loaded.name, refusal.by, refusal.message))
        .hint("a container does not start with it")
}

/// Says what is left out, split or not relied on, on the way.
pub(crate) fn tell(loaded: &Loaded, resolved: &Resolved, output: &Output) {
    // These two are said for the loader and the runtime that are asked about.
    loaded.tell_notes_but(&["loader-dependent", "unknown-call"], output);
    for note in &resolved.notes {
        let hint = note.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
        output.warn(&format!("{}: {}{hint}", loaded.name, note.message));
    }
}

/// What the loader hands over.
pub(crate) fn handed_over<'r>(loaded: &Loaded, resolved: &'r Resolved) -> Result<&'r Document, Failure> {
    let name = &loaded.name;
    match (&resolved.document, &resolved.outcome) {
        (Some(document), _) => Ok(document),
        (None, Made::Undecided(why)) => Err(Failure::new(format!("{name}: undecided: {why}"))),
        (None, _) => Err(Failure::new(format!("{name}: the loader hands nothing over"))
            .hint("the container starts unconfined; give the profile a defaultAction")),
    }
}

/// The same as a profile.
pub(crate) fn flat(loaded: &Loaded, resolved: &Resolved) -> Result<Profile, Failure> {
    callgate_check::flat::profile(handed_over(loaded, resolved)?)
        .map_err(|e| Failure::new(format!("{}: what the loader hands over: {}", loaded.name, e.message)))
}

/// The meaning of the filter, for those who have to have one: nothing in it is guessed.
pub(crate) fn meaning(loaded: &Loaded, resolved: &Resolved) -> Result<Meaning, Failure> {
    let name = &loaded.name;
    match &resolved.outcome {
        Made::Unconfined(why) => Err(Failure::new(format!("{name}: there is no filter: {why}"))
            .hint("the container starts unconfined; give the profile a defaultAction")),
        Made::Undecided(why) => Err(Failure::new(format!("{name}: undecided: {why}"))),
        Made::Filtered(made) if made.filter.undecided.is_empty() => Ok(made.filter.meaning.clone()),
        Made::Filtered(made) => {
            let calls = made.filter.undecided.iter().take(MAX_UNDECIDED).map(|met| {
                let arguments = met.args.witness().unwrap_or_default();
                let call = callgate_core::sysno::name(met.arch, met.nr)
                    .map_or_else(|| met.nr.to_string(), |name| args::format_call(met.arch, name, &arguments));
                format!("{call} on {}: {}", met.arch, met.why)
            });
            let message = format!("{name}: undecided: {}", calls.collect::<Vec<_>>().join("; "));
            Err(Failure::new(message).hint("say it with rules that do not meet, or without a runtime"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_named_as_people_name_them() {
        let few = ["CAP_CHOWN", "CAP_KILL"];
        let named = |names: &[&str]| caps(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), &few);
        assert_eq!(named(&[]).ok(), named(&["default"]).ok());
        assert_eq!(named(&["default", "BPF"]).ok(), named(&["KILL", "CHOWN", "CAP_BPF"]).ok());
        assert_eq!(named(&["all"]).ok().map(|c| c.len()), Some(41));
        assert_eq!(named(&["sys_admin", "CAP_BPF"]).ok(), named(&["CAP_SYS_ADMIN", "bpf"]).ok());
        assert!(named(&["CAP_SYSADMIN"]).is_err_and(|f| f.hint.is_some_and(|h| h.contains("CAP_SYS_ADMIN"))));
        assert!(named(&["none", "all"]).is_err());
    }
}
