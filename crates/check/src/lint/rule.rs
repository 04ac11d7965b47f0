//! What a rule is: a code, how much it matters, how sure it is, a check, and documentation that is executed.

use std::ops::Range;

use callgate_core::{Profile, Severity};

use super::finding::{Confidence, Edit, Finding, Fix, Label};
use super::manifest::Object;
use super::options::Options;
use super::subject::Subject;
use super::usage::Judged;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Whether a file is a profile at all.
    Input,
    /// Names of system calls.
    Names,
    /// Rules beside each other.
    Semantics,
    /// Conditions on arguments.
    Arguments,
    /// What a refused program is told.
    Errno,
    /// Architectures.
    Architectures,
    /// Flags, logging and listeners.
    Flags,
    /// Whether containers and programs start.
    Startup,
    /// What a profile leaves open.
    Danger,
    /// Loaders, runtimes, libraries and limits.
    Portability,
    /// Kubernetes manifests.
    Kubernetes,
    /// Pod Security Standards.
    PodSecurity,
    /// Pipelines and scripts that look at profiles.
    Pipeline,
    /// Suppressions.
    Suppression,
}

impl Family {
    /// Every family, in the order of documentation.
    pub const ALL: [Self; 14] = [
        Self::Input,
        Self::Names,
        Self::Semantics,
        Self::Arguments,
        Self::Errno,
        Self::Architectures,
        Self::Flags,
        Self::Startup,
        Self::Danger,
        Self::Portability,
        Self::Kubernetes,
        Self::PodSecurity,
        Self::Pipeline,
        Self::Suppression,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Names => "names",
            Self::Semantics => "semantics",
            Self::Arguments => "arguments",
            Self::Errno => "errno",
            Self::Architectures => "architectures",
            Self::Flags => "flags",
            Self::Startup => "startup",
            Self::Danger => "danger",
            Self::Portability => "portability",
            Self::Kubernetes => "kubernetes",
            Self::PodSecurity => "pod-security",
            Self::Pipeline => "pipeline",
            Self::Suppression => "suppression",
        }
    }

    /// One line that says what its rules are about.
    pub fn about(self) -> &'static str {
        match self {
            Self::Input => "whether a file is a profile at all, and the same one to everybody who reads it",
            Self::Names => "names of system calls",
            Self::Semantics => "rules beside each other",
            Self::Arguments => "conditions on arguments",
            Self::Errno => "what a refused program is told",
            Self::Architectures => "architectures, and the doors that they open and close",
            Self::Flags => "flags, logging and listeners",
            Self::Startup => "whether containers and programs start",
            Self::Danger => "what a profile leaves open",
            Self::Portability => "loaders, runtimes, libraries and limits",
            Self::Kubernetes => "Kubernetes manifests",
            Self::PodSecurity => "the Pod Security Standards, where `--pss` asks for them",
            Self::Pipeline => "pipelines and scripts that look at profiles",
            Self::Suppression => "suppressions of findings",
        }
    }
}

/// What a check looks at.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// Whatever stands where a profile belongs, if it is JSON.
    Tree(fn(&Subject<'_>, &mut Sink<'_>)),
    /// A profile.
    Profile(fn(&Subject<'_>, &Profile, &mut Sink<'_>)),
    /// An object of Kubernetes.
    Object(fn(&Object<'_>, &mut Sink<'_>)),
    /// A profile that a container of a manifest uses.
    Use(fn(&Judged<'_>, &mut Sink<'_>)),
    /// A text with scripts in it.
    Script(fn(&super::script::Script<'_>, &mut Sink<'_>)),
    /// Nothing: lint itself reports it, where it reads files.
    Reported,
}

/// A rule.
pub(crate) struct Rule {
    /// Stable kebab-case code.
    pub(crate) code: &'static str,
    /// What it is about.
    pub(crate) family: Family,
    /// How much it matters, unless it says otherwise of one finding.
    pub(crate) severity: Severity,
    /// How sure it is.
    pub(crate) confidence: Confidence,
    /// What it looks at.
    pub(crate) check: Check,
}

/// So many findings of one rule are told of one profile or object; the next one says how many more there are.
pub(crate) const MAX_FINDINGS: usize = 200;

/// Takes the findings of one rule.
pub(crate) struct Sink<'s> {
    /// How many there were.
    count: usize,
    /// What takes those that are too many.
    last: Option<Finding>,
    /// The worst of those.
    worst: Option<Severity>,
    found: &'s mut Vec<Finding>,
    rule: &'static Rule,
    /// What was asked for.
    pub(crate) options: &'s Options,
}

impl<'s> Sink<'s> {
    pub(crate) fn of(rule: &'static Rule, options: &'s Options, found: &'s mut Vec<Finding>) -> Self {
        Self { count: 0, last: None, worst: None, found, rule, options }
    }

    /// Whether something was found that keeps a profile from being one.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether what comes now is only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.count >= MAX_FINDINGS
    }

    /// Something is so, there.
    pub(crate) fn report(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Finding {
        let rule = self.rule;
        let finding = Finding {
            code: rule.code,
            severity: rule.severity,
            confidence: rule.confidence,
            message: message.into(),
            span,
            labels: Vec::new(),
            hint: None,
            fix: None,
            pointer: String::new(),
        };
        self.count += 1;
        if self.count > MAX_FINDINGS {
            self.worst = self.worst.max(self.last.take().map(|last| last.severity));
            return self.last.insert(finding);
        }
        self.found.push(finding);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }
}

impl Drop for Sink<'_> {
    fn drop(&mut self) {
        if let Some(last) = self.last.take() {
            let more = self.count - MAX_FINDINGS;
            let before =
                if more > 1 { format!("; and {} like it before this one", more - 1) } else { String::new() };
            let severity = self.worst.unwrap_or(last.severity).max(last.severity);
            self.found.push(Finding { message: last.message + &before, severity, ..last });
        }
    }
}

impl Finding {
    /// Says how much it matters, other than the rule does.
    pub(crate) fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    /// Adds the way out.
    pub(crate) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a place of the same file.
    pub(crate) fn label(&mut self, span: Range<usize>, text: impl Into<String>) -> &mut Self {
        self.labels.push(Label { file: None, span, at: None, text: text.into() });
        self
    }

    /// Adds a patch that allows nothing and refuses nothing that was not meant.
    pub(crate) fn safe_fix(&mut self, title: impl Into<String>, edits: Vec<Edit>) -> &mut Self {
        self.patch(title, true, edits)
    }

    /// Adds a patch that somebody has to look at.
    pub(crate) fn unsafe_fix(&mut self, title: impl Into<String>, edits: Vec<Edit>) -> &mut Self {
        self.patch(title, false, edits)
    }

    fn patch(&mut self, title: impl Into<String>, safe: bool, mut edits: Vec<Edit>) -> &mut Self {
        edits.sort();
        if !edits.is_empty() {
            self.fix = Some(Fix { title: title.into(), safe, edits });
        }
        self
    }
}
