//! What a run of lint is asked for.

use callgate_core::Arch;
use callgate_core::baseline::{self, Kernel, Machine};

use super::pss::Standard;
use crate::target::{Loader, Runtime, RuntimeName, Target};

/// What a run of lint is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where profiles are used; empty: nobody said.
    pub targets: Vec<Target>,
    /// Whether the loader was named too.
    pub loader: Option<Loader>,
    /// The machine that profiles are used on where nothing says otherwise.
    pub machine: Machine,
    /// Whether the container has no_new_privs, where somebody said.
    pub no_new_privs: Option<bool>,
    /// The Pod Security Standard that manifests are held against.
    pub pss: Option<Standard>,
    /// The day, `YYYY-MM-DD`, on which suppressions may have expired.
    pub today: String,
}

impl Options {
    /// What is looked for where nobody says more: on a machine of this architecture, on this day.
    pub fn new(arch: Arch, today: impl Into<String>) -> Self {
        let caps = baseline::find("docker").map_or(&[][..], |docker| docker.caps);
        let machine = Machine::new(arch, Kernel::new(6, 1), caps.iter().copied());
        Self {
            targets: Vec::new(),
            loader: None,
            machine,
            no_new_privs: None,
            pss: None,
            today: today.into(),
        }
    }

    /// The newest runc and crun, as the usual runtimes of targets that name none.
    pub fn usual(targets: &[Target]) -> Vec<Target> {
        let both = |target: &Target| {
            [RuntimeName::Runc, RuntimeName::Crun].map(|name| Target {
                runtime: Some(Runtime { name, version: name.newest() }),
                ..target.clone()
            })
        };
        targets.iter().flat_map(both).collect()
    }

    /// The targets of a profile; where nobody named one, the newest runc and crun, by the loader that its keys are of.
    pub(crate) fn targets(&self, docker: bool) -> Vec<Target> {
        if !self.targets.is_empty() {
            return self.targets.clone();
        }
        let loader = self.loader.unwrap_or(if docker { Loader::Moby } else { Loader::Oci });
        let no_new_privs = self.no_new_privs.unwrap_or(false);
        let machine = self.machine.clone();
        Self::usual(&[Target { loader, runtime: None, machine, libseccomp: None, no_new_privs }])
    }
}
