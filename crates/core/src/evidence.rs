//! Evidence: why a profile says what it says, in a file beside it (`P.evidence`).
//!
//! Strict OCI JSON has no comments, and agents distribute `*.json`; so the reasons live here. A rule somebody wrote by
//! hand has no evidence and counts as `user`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::profile::{Condition, Rule};

/// The schema name every evidence document carries.
pub const SCHEMA: &str = "callgate.dev/evidence/v1";

/// What [`Evidence::proof`] says of a profile that nobody wanted to prove.
pub const NOT_ASKED: &str = "not asked";

/// What it says once calls were added to the profile.
pub const UPDATED: &str = "not proven: calls were added since";

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A recording saw it.
    Seen,
    /// The runtime's own calls before the program's first instruction.
    Floor,
    /// Added by rule; see [`crate::completion`].
    Completion,
    /// Somebody asked for it.
    User,
}

impl Source {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Floor => "floor",
            Self::Completion => "completion",
            Self::User => "user",
        }
    }
}

/// The evidence of one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: String,
    /// Program names (argv\[0\]) of the recordings.
    pub commands: Vec<String>,
    /// The profile these reasons are of: `sha256:` and the digest of its canonical form without comments, so that
    /// neither layout nor comments make it another one. Files of callgates that did not write it have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the trace was complete.
    pub complete: bool,
    /// Whether the profile was proven, in words: `proven: …`, `not proven: …` or [`NOT_ASKED`]. Files of callgates that
    /// did not write it have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// One entry per rule.
    pub rules: Vec<RuleEvidence>,
    /// Refusals the workload lives with: they are no miss.
    pub expected: Vec<Expected>,
    /// Calls that were seen and left out on purpose.
    pub withheld: Vec<Withheld>,
    /// What became of the workload without one call, the others allowed: call → outcome. Empty: nobody tried.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, Need>,
}

/// What became of the workload when one call was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Whether it needs the call.
    pub class: NeedClass,
    /// The errno the call got.
    pub errno: u16,
    /// How many runs were made: one that fails is enough to need it.
    pub runs: u32,
    /// What went wrong; empty: nothing.
    pub outcome: String,
}

/// Whether a workload needs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeedClass {
    /// Without it the workload is not what it was.
    Required,
    /// Every run without it was as before.
    Tolerated,
}

/// Why one rule is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEvidence {
    /// Where the rule comes from.
    pub source: Source,
    /// The group its calls belong to.
    pub group: String,
    /// The rule's argument conditions, as `index op value valueTwo`.
    pub conditions: Vec<String>,
    /// Call → reason.
    pub calls: BTreeMap<String, String>,
}

/// A refusal that is no miss.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The call.
    pub name: String,
    /// The errno it gets.
    pub errno: u16,
    /// Why.
    pub why: String,
}

/// A call that was seen and left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// The call.
    pub name: String,
    /// The argument values that are meant, where not the whole call is.
    pub values: Vec<String>,
    /// Why it is dangerous.
    pub why: String,
    /// Executable that made it first.
    pub first_by: String,
    /// Milliseconds into its recording.
    pub first_ms: u64,
}

/// A condition as evidence names it.
pub fn condition_text(c: &Condition) -> String {
    format!("{} {} {} {}", c.index, c.op.oci(), c.value, c.value_two)
}

impl Evidence {
    /// The source of a rule of the profile: the weakest of its calls' sources; `user` without evidence.
    pub fn source_of(&self, rule: &Rule) -> Source {
        rule.names
            .iter()
            .map(|n| self.entry(rule, &n.text).map_or(Source::User, |e| e.source))
            .max()
            .unwrap_or(Source::User)
    }

    /// The entry that speaks of `name` within `rule`.
    pub fn entry(&self, rule: &Rule, name: &str) -> Option<&RuleEvidence> {
        let conditions: Vec<String> = rule.conditions.iter().map(condition_text).collect();
        self.rules.iter().find(|e| e.conditions == conditions && e.calls.contains_key(name))
    }

    /// Why `name` is in `rule`.
    pub fn reason(&self, rule: &Rule, name: &str) -> Option<&str> {
        self.entry(rule, name)?.calls.get(name).map(String::as_str)
    }

    /// Whether a refusal of `name` with this errno is expected.
    pub fn expects(&self, name: &str, errno: u16) -> bool {
        self.expected.iter().any(|e| e.name == name && e.errno == errno)
    }

    /// Whether `name` was left out on purpose.
    pub fn withholds(&self, name: &str) -> bool {
        self.withheld.iter().any(|w| w.name == name)
    }

    /// The file's bytes.
    pub fn to_json(&self) -> String {
        // Serialising our own plain structs cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads an evidence file.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let evidence: Self = serde_json::from_str(text).map_err(|e| format!("not an evidence file: {e}"))?;
        if evidence.schema == SCHEMA {
            Ok(evidence)
        } else {
            Err(format!(
                "not an evidence file this version reads: schema `{}`, expected `{SCHEMA}`",
                evidence.schema
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_without_a_word_on_its_proof_still_reads() {
        let old = "{\"schema\":\"callgate.dev/evidence/v1\",\"commands\":[],\"complete\":true,\"rules\":[],\
                   \"expected\":[],\"withheld\":[]}";
        let read = Evidence::from_json(old).unwrap();
        assert_eq!(read.proof, None);
        let new = Evidence { proof: Some(NOT_ASKED.to_owned()), ..read };
        assert_eq!(Evidence::from_json(&new.to_json()), Ok(new));
        assert!(Evidence::from_json(&old.replace("commands", "comands")).is_err());
    }
}
