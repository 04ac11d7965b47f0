//! Which test belongs on which rung.
//!
//! Integration tests of the command sort their functions into the modules `t0`, `t1` and `t2`. Those of the libraries
//! are sorted here, as whole files; one that is not listed is pure.

use super::rungs::Rung;
use crate::metadata::{Metadata, Package};

/// The package whose integration tests drive the built command.
const COMMAND: &str = "callgate";
/// Integration tests of libraries that need more than a compiler.
const ABOVE: &[(&str, &str, Rung)] = &[
    ("callgate-core", "sysno_oracle", Rung::T2),
    ("callgate-bpf", "libseccomp", Rung::T2),
    ("callgate-linux", "oracle", Rung::T1),
];

/// Integration tests of the libraries on this rung: package and test.
pub(super) fn of_libraries(metadata: &Metadata, rung: Rung) -> Vec<(&str, &str)> {
    let libraries = metadata.members().filter(|p| p.name != COMMAND);
    let tests = libraries.flat_map(|p| tests(p).map(|test| (p.name.as_str(), test)));
    tests.filter(|(package, test)| rung_of(package, test) == rung).collect()
}

/// Integration tests of the command.
pub(super) fn of_command(metadata: &Metadata) -> Vec<&str> {
    metadata.members().filter(|p| p.name == COMMAND).flat_map(tests).collect()
}

fn tests(package: &Package) -> impl Iterator<Item = &str> {
    let tests = package.targets.iter().filter(|t| t.kind.iter().any(|k| k == "test"));
    tests.map(|t| t.name.as_str())
}

fn rung_of(package: &str, test: &str) -> Rung {
    ABOVE.iter().find(|(p, t, _)| (*p, *t) == (package, test)).map_or(Rung::T0, |(_, _, rung)| *rung)
}
