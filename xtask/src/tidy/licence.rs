//! Licences and sources of everything the lock file names: a check of our own, where cargo-deny is not installed.

use crate::metadata::{Metadata, Package};

/// Licences whose terms we can keep beside "Apache-2.0 OR MIT".
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// The only place dependencies come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Packages under another licence, or from elsewhere.
pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    metadata
        .packages
        .iter()
        .filter(|p| !metadata.workspace_members.contains(&p.id))
        .flat_map(problems)
        .collect()
}

fn problems(package: &Package) -> Vec<String> {
    let who = format!("{} {}", package.name, package.version);
    let mut found = Vec::new();
    if package.source.as_deref() != Some(REGISTRY) {
        found.push(format!("{who}: comes from {}", package.source.as_deref().unwrap_or("a path outside")));
    }
    match package.license.as_deref() {
        None => found.push(format!("{who}: names no licence")),
        Some(terms) if !allowed(terms) => found.push(format!("{who}: licence `{terms}` is not on our list")),
        Some(_) => {}
    }
    found
}

/// Whether an SPDX expression leaves us a way: `OR` one side, `AND` both. The old `MIT/Apache-2.0` counts as `OR`.
fn allowed(terms: &str) -> bool {
    let spaced = terms.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    matches!(either(&tokens), Some((true, [])))
}

/// A verdict and the tokens after it; `None` for what is no expression.
type Read<'t, 's> = Option<(bool, &'t [&'s str])>;

fn either<'t, 's>(tokens: &'t [&'s str]) -> Read<'t, 's> {
    let (mut verdict, mut rest) = both(tokens)?;
    while let ["OR", after @ ..] = rest {
        let (right, left_over) = both(after)?;
        (verdict, rest) = (verdict | right, left_over);
    }
    Some((verdict, rest))
}

fn both<'t, 's>(tokens: &'t [&'s str]) -> Read<'t, 's> {
    let (mut verdict, mut rest) = one(tokens)?;
    while let ["AND", after @ ..] = rest {
        let (right, left_over) = one(after)?;
        (verdict, rest) = (verdict & right, left_over);
    }
    Some((verdict, rest))
}

fn one<'t, 's>(tokens: &'t [&'s str]) -> Read<'t, 's> {
    match tokens {
        ["(", inner @ ..] => match either(inner)? {
            (verdict, [")", rest @ ..]) => Some((verdict, rest)),
            _ => None,
        },
        [name, "WITH", exception, rest @ ..] => {
            Some((ALLOWED.contains(&format!("{name} WITH {exception}").as_str()), rest))
        }
        [name, rest @ ..] => Some((ALLOWED.contains(name), rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-2.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(allowed(good), "{good}");
        }
        for bad in ["GPL-2.0", "LGPL-2.1 AND MIT", "(MIT OR GPL-2.0) AND LGPL-3.0", "MIT OR", "", "(MIT"] {
            assert!(!allowed(bad), "{bad}");
        }
    }
}
