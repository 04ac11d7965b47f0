//! What a loader reads past: keys of another loader's language.

use callgate_core::Diagnostic;

use crate::document::{Circumstances, Document, Entry};
use crate::target::Loader;

/// Where more entries have a thing, the first ones are named.
const MAX_LINES: usize = 5;

/// One note per kind of thing that counts for nothing, with the lines it stands on.
pub(super) fn notes(loader: Loader, document: &Document) -> Vec<Diagnostic> {
    let reads_conditions = !matches!(loader, Loader::Oci | Loader::Containerd);
    let reads_errno_names = matches!(loader, Loader::ContainersCommon | Loader::CriO);
    let mut found = Vec::new();
    let mut note = |key: &str, what: &str, lines: Vec<usize>| {
        if !lines.is_empty() {
            let message =
                format!("`{key}` counts for nothing to {}: {what} ({})", who(loader), places(&lines));
            found.push(Diagnostic::warning("overlooked-key", message).hint(hint(loader)));
        }
    };
    let lines =
        |has: &dyn Fn(&Entry) -> bool| document.rules.iter().filter(|e| has(e)).map(|e| e.line).collect();
    if !reads_conditions {
        note(
            "archMap",
            "only the machine's own architecture is judged",
            vec![0; document.arch_map.len().min(1)],
        );
        note("name", "the rule names nothing", lines(&|e| !e.name.is_empty() && e.names.is_empty()));
        note(
            "includes",
            "the rule holds for every container",
            lines(&|e| e.includes != Circumstances::default()),
        );
        note(
            "excludes",
            "the rule holds for every container",
            lines(&|e| e.excludes != Circumstances::default()),
        );
    } else if loader != Loader::Moby {
        let kernel = |e: &Entry| e.includes.min_kernel.is_some() || e.excludes.min_kernel.is_some();
        note("minKernel", "the rule holds on every kernel", lines(&kernel));
    }
    if !reads_errno_names {
        note("errno", "the errno is EPERM, or that of `errnoRet`", lines(&|e| !e.errno_name.is_empty()));
        let default = document.default_errno_name.iter().map(|_| 0).collect();
        note("defaultErrno", "the errno is EPERM, or that of `defaultErrnoRet`", default);
    }
    found
}

fn who(loader: Loader) -> &'static str {
    if loader == Loader::Oci { "a runtime" } else { super::who(loader) }
}

fn hint(loader: Loader) -> &'static str {
    match loader {
        Loader::Oci | Loader::Containerd => {
            "give it what `callgate expand --loader docker` makes of the file"
        }
        _ => "say it with keys that it reads",
    }
}

fn places(lines: &[usize]) -> String {
    if lines == [0] {
        return "at the top".to_owned();
    }
    let named: Vec<String> = lines.iter().take(MAX_LINES).map(ToString::to_string).collect();
    let more = lines.len().saturating_sub(MAX_LINES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("line {}{more}", named.join(", "))
}
