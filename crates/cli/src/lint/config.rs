//! `callgate.toml`: what a repository has decided about lint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use callgate_check::lint::{Ignore, Policy, codes, is_day};
use callgate_core::{Severity, suggest};
use ignore::gitignore::Gitignore;
use serde::Deserialize;

use super::files;
use crate::cli::{Lint, Threshold};
use crate::exit::{Exit, Failure};
use crate::input;

/// The file's name.
const NAME: &str = "callgate.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    #[serde(default)]
    lint: Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Section {
    fail_on: Option<String>,
    pss: Option<String>,
    #[serde(default)]
    profiles: Vec<PathBuf>,
    #[serde(default)]
    runtime: Vec<String>,
    loader: Option<String>,
    libseccomp: Option<String>,
    kernel: Option<String>,
    arch: Option<String>,
    #[serde(default)]
    exclude: Vec<String>,
    baseline: Option<PathBuf>,
    #[serde(default)]
    severity: BTreeMap<String, String>,
    #[serde(default)]
    ignore: Vec<Ignored>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ignored {
    paths: Vec<String>,
    codes: Vec<String>,
    reason: String,
    until: Option<String>,
}

/// What is decided.
pub(crate) struct Config {
    /// Where; `None`: nothing is.
    pub(crate) path: Option<PathBuf>,
    /// Severities of rules.
    pub(crate) policy: Policy,
    /// What is not looked at.
    pub(crate) exclude: Gitignore,
    /// What is kept quiet, and where.
    pub(crate) ignores: Vec<(Gitignore, Ignore)>,
}

/// Reads the configuration; what it says stands in for options that are not given.
pub(crate) fn read(args: &mut Lint) -> Result<Config, Failure> {
    let Some(path) = args.config.clone().or_else(above) else {
        let exclude = Gitignore::empty();
        return Ok(Config { path: None, policy: Policy::default(), exclude, ignores: Vec::new() });
    };
    let missing = |failure: Failure| {
        failure.hint("callgate.toml at the repository's root is found without --config").exit(Exit::Failed)
    };
    let text = input::text(&path).map_err(missing)?.text;
    let wrong = |message: String| Failure::new(format!("{}: {message}", path.display()));
    let document: Document = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| callgate_core::profile::line_of(&text, span.start));
        Failure::new(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let root = std::path::absolute(&path).unwrap_or_else(|_error| path.clone());
    let root = root.parent().unwrap_or(Path::new("/")).to_owned();
    let section = document.lint;
    fill(args, &section, &root).map_err(wrong)?;
    let ignore = |ignored: &Ignored| -> Result<(Gitignore, Ignore), String> {
        let Ignored { paths, codes, reason, until } = ignored;
        codes.iter().try_for_each(|code| known(code))?;
        if reason.trim().is_empty() {
            return Err(format!("ignore of {}: a reason is missing", codes.join(", ")));
        }
        if let Some(until) = until.as_ref().filter(|until| !is_day(until)) {
            return Err(format!("ignore of {}: `{until}` is no day; write 2027-01-31", codes.join(", ")));
        }
        let ignore = Ignore { codes: codes.clone(), reason: reason.clone(), until: until.clone() };
        Ok((files::globs(&root, paths)?, ignore))
    };
    Ok(Config {
        policy: policy(&section.severity).map_err(wrong)?,
        exclude: files::globs(&root, &section.exclude).map_err(wrong)?,
        ignores: section.ignore.iter().map(ignore).collect::<Result<_, _>>().map_err(wrong)?,
        path: Some(path),
    })
}

/// The nearest file here or above, up to the repository's root.
fn above() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    for folder in here.ancestors() {
        let path = folder.join(NAME);
        if path.is_file() {
            return Some(path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path));
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn fill(args: &mut Lint, section: &Section, root: &Path) -> Result<(), String> {
    if let (None, Some(word)) = (args.fail_on, &section.fail_on) {
        args.fail_on = Some(threshold(word)?);
    }
    args.pss = args.pss.take().or_else(|| section.pss.clone());
    args.arch = args.arch.take().or_else(|| section.arch.clone());
    args.place.libseccomp = args.place.libseccomp.take().or_else(|| section.libseccomp.clone());
    args.place.kernel = args.place.kernel.take().or_else(|| section.kernel.clone());
    if args.place.runtime.is_empty() {
        args.place.runtime.clone_from(&section.runtime);
    }
    args.place.loader = args.place.loader.take().or_else(|| section.loader.clone());
    if args.profiles.is_empty() {
        args.profiles = section.profiles.iter().map(|folder| here(root, folder)).collect();
    }
    if args.baseline.is_none() && args.write_baseline.is_none() {
        args.baseline = section.baseline.as_ref().map(|file| here(root, file));
    }
    Ok(())
}

/// A path of the configuration as it is called from here.
fn here(root: &Path, path: &Path) -> PathBuf {
    let absolute = root.join(path);
    let inside =
        std::env::current_dir().ok().and_then(|here| absolute.strip_prefix(here).map(Path::to_owned).ok());
    inside.filter(|inside| !inside.as_os_str().is_empty()).unwrap_or(absolute)
}

fn threshold(word: &str) -> Result<Threshold, String> {
    let known = ["error", "warning", "note", "never"];
    match word {
        "error" => Ok(Threshold::Error),
        "warning" => Ok(Threshold::Warning),
        "note" => Ok(Threshold::Note),
        "never" => Ok(Threshold::Never),
        other => Err(format!("fail-on: `{other}` is none of {}", known.join(", "))),
    }
}

fn policy(severities: &BTreeMap<String, String>) -> Result<Policy, String> {
    let mut policy = Policy::default();
    for (code, word) in severities {
        known(code)?;
        let severity = match word.as_str() {
            "off" => None,
            "note" => Some(Severity::Note),
            "warning" => Some(Severity::Warning),
            "error" => Some(Severity::Error),
            other => {
                return Err(format!("severity of {code}: `{other}` is none of off, note, warning, error"));
            }
        };
        policy.severities.insert(code.clone(), severity);
    }
    Ok(policy)
}

fn known(code: &str) -> Result<(), String> {
    let codes = codes();
    if codes.contains(&code) {
        return Ok(());
    }
    let near =
        suggest::nearest(code, codes).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(format!("there is no rule `{code}`{near}"))
}
