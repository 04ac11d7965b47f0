//! `data/defaults/*.toml` → the table of `core::baseline`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::{args, floors, read, syscalls};

pub(super) const SOURCES: &[&str] = &[
    "data/defaults/docker.toml",
    "data/defaults/containerd.toml",
    "data/defaults/podman.toml",
    "data/defaults/cri-o.toml",
    "data/flags.csv",
    "data/syscalls.csv",
];

/// The default profiles, each a file; one that others build upon stands before them.
const DEFAULTS: &[&str] = SOURCES.split_at(4).0;

/// The architectures as `core::arch::Arch` spells them, in the order of [`args::ARCHES`].
pub(super) const VARIANTS: [&str; 9] =
    ["X86_64", "X86", "X32", "Aarch64", "Arm", "Riscv64", "S390x", "Ppc64le", "Loongarch64"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    name: String,
    aliases: Vec<String>,
    about: String,
    source: String,
    caps: Vec<String>,
    default: Option<Action>,
    oldest: Option<String>,
    newest: Option<String>,
    #[serde(default)]
    companions: BTreeMap<String, Vec<String>>,
    /// Another default whose rules count too, as of a release of its, except for some calls.
    base: Option<String>,
    base_version: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    rule: Vec<Rule>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    action: String,
    errno: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    reason: String,
    calls: Vec<String>,
    action: Option<String>,
    errno: Option<String>,
    #[serde(default)]
    args: Vec<Condition>,
    #[serde(default)]
    when: Circumstances,
    #[serde(default)]
    unless: Circumstances,
    #[serde(default)]
    since: Vec<String>,
    #[serde(default)]
    until: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    index: u8,
    op: String,
    value: Value,
    #[serde(default)]
    equals: Value,
}

/// A number, or names of constants.
#[derive(Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
enum Value {
    Number(u64),
    Names(String),
}

impl Default for Value {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl TryFrom<toml::Value> for Value {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(number) => {
                u64::try_from(number).map(Self::Number).map_err(|e| e.to_string())
            }
            toml::Value::String(names) => Ok(Self::Names(names)),
            other => Err(format!("neither a number nor constants: {other:?}")),
        }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Circumstances {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// What rules are checked against.
struct Words {
    calls: BTreeSet<String>,
    constants: BTreeMap<String, u64>,
}

/// Generates `crates/core/src/baseline/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let words = Words { calls: syscalls::names(root)?, constants: args::constants(root)? };
    let mut out = String::from(
        "//! Default profiles.\n\nuse super::{Baseline, Circumstances, Kernel, Rule, Version};\nuse crate::action::Action;\n\
         use crate::arch::Arch;\nuse crate::set::Op;\n\npub(super) static BASELINES: &[Baseline] = &[\n",
    );
    let mut known: Vec<Baseline> = Vec::new();
    for path in DEFAULTS {
        let text = read(root, path)?;
        let baseline: Baseline = toml::from_str(&text).with_context(|| (*path).to_owned())?;
        let whole = whole(baseline, &known, &words).with_context(|| (*path).to_owned())?;
        write_baseline(&mut out, &whole, &words).with_context(|| (*path).to_owned())?;
        known.push(whole);
    }
    out.push_str("];\n");
    Ok(out)
}

/// A default with what it takes from the one it builds upon.
fn whole(mut own: Baseline, known: &[Baseline], words: &Words) -> anyhow::Result<Baseline> {
    let Some(base) = &own.base else { return Ok(own) };
    let base = known.iter().find(|b| b.name == *base).with_context(|| format!("no base `{base}`"))?;
    let at = floors::parts(own.base_version.as_deref().context("a base has a version")?)?;
    let mut rules = Vec::new();
    for rule in &base.rule {
        if (rule.since.is_empty() || reached(&rule.since, at)?) && !reached(&rule.until, at)? {
            rules.push(Rule { since: Vec::new(), until: Vec::new(), ..rule.clone() });
        }
    }
    for call in &own.without {
        ensure!(words.calls.contains(call), "unknown call `{call}`");
        ensure!(rules.iter().any(|r| r.calls.contains(call)), "the base says nothing of `{call}`");
    }
    for rule in &mut rules {
        rule.calls.retain(|call| !own.without.contains(call));
    }
    rules.retain(|rule| !rule.calls.is_empty());
    rules.append(&mut own.rule);
    let default = own.default.or_else(|| base.default.clone());
    Ok(Baseline { rule: rules, default, companions: base.companions.clone(), ..own })
}

/// Whether a release has what came with the first of these, or with another of its own series: what
/// `callgate_core::baseline` does at run time.
fn reached(releases: &[String], at: [u32; 3]) -> anyhow::Result<bool> {
    let releases = releases.iter().map(|r| floors::parts(r)).collect::<anyhow::Result<Vec<_>>>()?;
    let later = |r: &[u32; 3]| at[..2] > r[..2];
    Ok(releases.iter().any(|r| at[..2] == r[..2] && at >= *r) || releases.last().is_some_and(later))
}

fn write_baseline(out: &mut String, baseline: &Baseline, words: &Words) -> anyhow::Result<()> {
    let Baseline { name, aliases, about, source, caps, companions, rule: rules, .. } = baseline;
    let default = baseline.default.as_ref().context("what happens to all else?")?;
    let default = action(&default.action, default.errno.as_deref())?;
    ensure!(caps.is_sorted(), "capabilities are not sorted");
    let caps = capabilities(caps)?;
    writeln!(
        out,
        "Baseline {{ name: {name:?}, aliases: &{aliases:?}, about: {about:?}, source: {source:?}, caps: {caps}, \
         default: {default},"
    )?;
    match (&baseline.oldest, &baseline.newest) {
        (None, None) => {
            ensure!(
                rules.iter().all(|r| r.since.is_empty() && r.until.is_empty()),
                "rules with releases, and no `oldest` and `newest`"
            );
            writeln!(out, "known: None,")?;
        }
        (Some(oldest), Some(newest)) => {
            writeln!(out, "known: Some(({}, {})),", release(oldest)?, release(newest)?)?;
        }
        _ => bail!("`oldest` and `newest` go together"),
    }
    writeln!(out, "companions: &[")?;
    for (arch, others) in companions {
        let arch = arches(std::slice::from_ref(arch))?;
        writeln!(out, "({}, &{}),", arch.trim_matches(['[', ']']), arches(others)?)?;
    }
    writeln!(out, "], rules: &[")?;
    for rule in rules {
        write_rule(out, rule, words).with_context(|| format!("rule `{}`", rule.reason))?;
    }
    writeln!(out, "] }},")?;
    Ok(())
}

fn write_rule(out: &mut String, rule: &Rule, words: &Words) -> anyhow::Result<()> {
    let reason = &rule.reason;
    ensure!(!reason.is_empty() && !reason.ends_with('.'), "a reason has no full stop");
    ensure!(!rule.calls.is_empty(), "no calls");
    ensure!(rule.calls.is_sorted(), "calls are not sorted");
    if let Some(call) = rule.calls.iter().find(|c| !words.calls.contains(*c)) {
        bail!("unknown call `{call}`");
    }
    let action = action(rule.action.as_deref().unwrap_or("allow"), rule.errno.as_deref())?;
    writeln!(out, "Rule {{ calls: &{:?}, action: {action}, args: &[", rule.calls)?;
    for condition in &rule.args {
        ensure!(condition.index < 6, "there is no argument {}", condition.index);
        let (op, value) = (op(&condition.op)?, value(&condition.value, words)?);
        let equals = self::value(&condition.equals, words)?;
        writeln!(out, "({}, Op::{op}, {}, {}),", condition.index, hex(value), hex(equals))?;
    }
    let (when, unless) = (circumstances(&rule.when)?, circumstances(&rule.unless)?);
    let (since, until) = (releases(&rule.since)?, releases(&rule.until)?);
    writeln!(
        out,
        "], when: {when}, unless: {unless}, since: &{since}, until: &{until}, reason: {reason:?} }},"
    )?;
    Ok(())
}

fn action(action: &str, errno: Option<&str>) -> anyhow::Result<String> {
    Ok(match (action, errno) {
        ("allow", None) => "Action::Allow".to_owned(),
        ("log", None) => "Action::Log".to_owned(),
        ("kill-process", None) => "Action::KillProcess".to_owned(),
        ("errno", Some(name @ ("EPERM" | "ENOSYS" | "EINVAL"))) => {
            format!("Action::Errno(crate::errno::{name})")
        }
        _ => bail!("unknown action `{action}` with errno {errno:?}"),
    })
}

fn op(text: &str) -> anyhow::Result<&'static str> {
    Ok(match text {
        "=" => "Eq",
        "!=" => "Ne",
        "<" => "Lt",
        "<=" => "Le",
        ">" => "Gt",
        ">=" => "Ge",
        "masked" => "MaskedEq",
        other => bail!("unknown operator `{other}`"),
    })
}

fn value(value: &Value, words: &Words) -> anyhow::Result<u64> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Names(names) => names.split('|').try_fold(0, |all, name| {
            let value = words.constants.get(name).with_context(|| format!("unknown constant `{name}`"))?;
            Ok(all | value)
        }),
    }
}

/// Grouped as clippy wants it.
fn hex(value: u64) -> String {
    if value <= 0xffff {
        return value.to_string();
    }
    let digits = format!("{value:x}");
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(4).rev().collect();
    let groups: Vec<_> = groups.into_iter().map(String::from_utf8_lossy).collect();
    format!("0x{}", groups.join("_"))
}

fn circumstances(given: &Circumstances) -> anyhow::Result<String> {
    let kernel = match &given.min_kernel {
        None => "None".to_owned(),
        Some(text) => {
            let (major, minor) = text.split_once('.').context("a kernel is written like 4.8")?;
            let (major, minor): (u16, u16) = (major.parse()?, minor.parse()?);
            format!("Some(Kernel::new({major}, {minor}))")
        }
    };
    let (caps, arches) = (capabilities(&given.caps)?, arches(&given.arches)?);
    Ok(format!("Circumstances {{ caps: {caps}, arches: &{arches}, min_kernel: {kernel} }}"))
}

/// `&["CAP_KILL", …]`
fn capabilities(names: &[String]) -> anyhow::Result<String> {
    if let Some(cap) = names.iter().find(|c| !c.starts_with("CAP_")) {
        bail!("not a capability: `{cap}`");
    }
    Ok(format!("&{names:?}"))
}

/// `[Version::new(1, 6, 28), …]`, ascending: the last one stands for every later series.
fn releases(texts: &[String]) -> anyhow::Result<String> {
    let numbers = texts.iter().map(|text| floors::parts(text)).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(numbers.is_sorted(), "releases are not sorted: {texts:?}");
    Ok(format!("[{}]", numbers.into_iter().map(floors::version).collect::<Vec<_>>().join(", ")))
}

fn release(text: &str) -> anyhow::Result<String> {
    Ok(floors::version(floors::parts(text)?))
}

/// `[Arch::X86, …]`
fn arches(names: &[String]) -> anyhow::Result<String> {
    let mut found = Vec::new();
    for name in names {
        let at = args::ARCHES.iter().position(|a| a == name);
        let at = at.with_context(|| format!("unknown architecture `{name}`"))?;
        found.push(format!("Arch::{}", VARIANTS[at]));
    }
    Ok(format!("[{}]", found.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "aliases = []\nabout = 'a'\nsource = 's'\ncaps = []\n";
    const BASE: &str = "name = 'base'\ndefault = { action = 'errno', errno = 'EPERM' }\noldest = '1.0'\nnewest = '2.0'\n\
        [[rule]]\nreason = 'always'\ncalls = ['close', 'read']\n\
        [[rule]]\nreason = 'later'\ncalls = ['write']\nsince = ['1.1.5', '1.3']\n\
        [[rule]]\nreason = 'earlier'\ncalls = ['open']\nuntil = ['1.1.5', '1.3']\n";

    fn words() -> Words {
        let calls = ["close", "open", "read", "write"].map(str::to_owned).into();
        Words { calls, constants: BTreeMap::from([("FLAG".to_owned(), 4)]) }
    }

    fn parsed(text: &str) -> Baseline {
        toml::from_str(&format!("{HEAD}{text}")).expect("the test's data are well formed")
    }

    /// Another default upon the base as of a release, as generated.
    fn upon(release: &str, more: &str) -> anyhow::Result<String> {
        let text = format!(
            "name = 'own'\nbase = 'base'\nbase_version = '{release}'\n{more}\n\
             [[rule]]\nreason = 'own'\ncalls = ['read']\nargs = [{{ index = 0, op = 'masked', value = 'FLAG', equals = 'FLAG' }}]"
        );
        let own = whole(parsed(&text), &[parsed(BASE)], &words())?;
        let mut out = String::new();
        write_baseline(&mut out, &own, &words())?;
        Ok(out)
    }

    #[test]
    fn a_default_takes_the_rules_its_base_had_then() {
        for (release, later) in
            [("1.1.4", false), ("1.1.5", true), ("1.2", false), ("1.3", true), ("2.0", true)]
        {
            let out = upon(release, "").expect("good data");
            assert_eq!(
                (out.contains("\"later\""), out.contains("\"earlier\"")),
                (later, !later),
                "{release}"
            );
            assert!(
                out.contains("Errno(crate::errno::EPERM)") && out.contains("(0, Op::MaskedEq, 4, 4)"),
                "{out}"
            );
        }
        let out = upon("1.1", "without = ['close', 'open']").expect("good data");
        assert!(out.contains("calls: &[\"read\"]") && !out.contains("\"earlier\""), "{out}");
    }

    #[test]
    fn bad_data_is_named() {
        let error = |more: &str| upon("1.1", more).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error("without = ['write']").contains("the base says nothing of `write`"));
        assert!(error("without = ['wirte']").contains("unknown call `wirte`"));
        assert!(error("oldest = '1.0'").contains("go together"));
        let unsorted = BASE.replace("'1.1.5', '1.3'", "'1.3', '1.1.5'");
        let failed = write_baseline(&mut String::new(), &parsed(&unsorted), &words()).expect_err("unsorted");
        assert!(format!("{failed:#}").contains("releases are not sorted"), "{failed:#}");
        let undated = BASE.replace("oldest = '1.0'\nnewest = '2.0'\n", "");
        let failed =
            write_baseline(&mut String::new(), &parsed(&undated), &words()).expect_err("no releases");
        assert!(failed.to_string().contains("rules with releases"), "{failed:#}");
    }
}
