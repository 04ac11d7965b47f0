//! A profile as one of its readers holds it: everything still text, nothing judged.
//!
//! callgate's own reader ([`callgate_core::profile::read`]) is strict. The programs that read profiles in earnest are not,
//! each in its own way; what they take a text for is said here, so that their models can go on from it.

use std::ops::Range;

use callgate_core::profile::Profile;
use callgate_core::set::Op;

/// What a reader found in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// `defaultAction`; `None` where it was not there.
    pub default_action: Option<String>,
    /// `defaultErrnoRet`.
    pub default_errno: Option<u64>,
    /// containers-common's `defaultErrno`.
    pub default_errno_name: Option<String>,
    /// `architectures`.
    pub architectures: Vec<String>,
    /// `flags`; absent and empty are different things.
    pub flags: Option<Vec<String>>,
    /// `listenerPath`, empty where it was not there.
    pub listener_path: String,
    /// `listenerMetadata`, the same.
    pub listener_metadata: String,
    /// Docker's `archMap`.
    pub arch_map: Vec<Companions>,
    /// `syscalls`.
    pub rules: Vec<Entry>,
}

/// One entry of Docker's `archMap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Companions {
    /// `architecture`.
    pub architecture: String,
    /// `subArchitectures`.
    pub others: Vec<String>,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Which entry of the file it is, from 0.
    pub index: usize,
    /// The line it starts on, from 1.
    pub line: usize,
    /// Docker's old `name`, empty where it was not there.
    pub name: String,
    /// `names`.
    pub names: Vec<String>,
    /// `action`, empty where it was not there.
    pub action: String,
    /// `errnoRet`.
    pub errno: Option<u64>,
    /// containers-common's `errno`, empty where it was not there.
    pub errno_name: String,
    /// `args`.
    pub conditions: Vec<Comparison>,
    /// Docker's `includes`.
    pub includes: Circumstances,
    /// Docker's `excludes`.
    pub excludes: Circumstances,
}

/// One entry of `args`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// `index`.
    pub index: u64,
    /// `value`.
    pub value: u64,
    /// `valueTwo`.
    pub value_two: u64,
    /// `op`.
    pub op: String,
}

/// `includes` and `excludes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// `caps`.
    pub caps: Vec<String>,
    /// `arches`.
    pub arches: Vec<String>,
    /// `minKernel` as text; only Docker's loader reads it.
    pub min_kernel: Option<MinKernel>,
}

/// `minKernel` as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MinKernel {
    /// A string.
    Text(String),
    /// Anything else, as JSON: an error to whoever reads it.
    Other(String),
}

/// Why a program does not take a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who refuses it: `runc 1.1.5`, `Docker's daemon`.
    pub by: String,
    /// The part of its message that tells this refusal from others.
    pub message: String,
    /// Where in the file, if it is one place.
    pub span: Option<Range<usize>>,
    /// The line of the rule that is refused, if it is a rule.
    pub line: Option<usize>,
}

impl Refusal {
    /// A refusal without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { by: String::new(), message: message.into(), span: None, line: None }
    }

    /// The same with the rule that is refused.
    #[must_use]
    pub fn in_rule(mut self, entry: &Entry) -> Self {
        self.line = Some(entry.line).filter(|line| *line > 0);
        self
    }

    /// The same with what is printed before it.
    #[must_use]
    pub fn after(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same with who refuses.
    #[must_use]
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = who.into();
        self
    }
}

impl Comparison {
    /// The operator; `None`: no such one.
    pub fn operator(&self) -> Option<Op> {
        Op::from_oci(&self.op)
    }
}

impl From<&Profile> for Document {
    /// The same profile, as a program reads it that does not know Docker's keys.
    fn from(profile: &Profile) -> Self {
        let text = |action: &callgate_core::profile::RuleAction| action.action.oci().to_owned();
        let comparison = |c: &callgate_core::profile::Condition| Comparison {
            index: c.index.into(),
            value: c.value,
            value_two: c.value_two,
            op: c.op.oci().to_owned(),
        };
        let entry = |(index, rule): (usize, &callgate_core::profile::Rule)| Entry {
            index,
            line: rule.line,
            names: rule.names.iter().map(|n| n.text.clone()).collect(),
            action: text(&rule.action),
            errno: rule.action.errno.map(u64::from),
            conditions: rule.conditions.iter().map(comparison).collect(),
            ..Entry::default()
        };
        Self {
            default_action: Some(text(&profile.default)),
            default_errno: profile.default.errno.map(u64::from),
            architectures: profile.architectures.iter().map(|a| a.name.clone()).collect(),
            flags: (!profile.flags.is_empty()).then(|| profile.flags.clone()),
            listener_path: profile.listener_path.clone().unwrap_or_default(),
            listener_metadata: profile.listener_metadata.clone().unwrap_or_default(),
            rules: profile.rules.iter().enumerate().map(entry).collect(),
            ..Self::default()
        }
    }
}
