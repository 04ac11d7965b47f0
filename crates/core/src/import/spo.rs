//! Reads SeccompProfile resources of the Security Profiles Operator, in YAML or JSON, alone or in lists.
//!
//! `spec` is a profile in OCI's form, with `baseProfileName` and `disabled` beside it
//! (`api/seccompprofile/v1beta1/seccompprofile_types.go`).

use serde_json::Value;

use super::document::Form;
use super::draft::Draft;
use super::profile;
use super::yaml;
use crate::arch::Arch;

/// The label of a profile that awaits merging.
const PARTIAL: &str = "spo.x-k8s.io/partial";
/// Lists within lists are no lists of kubectl's.
const MAX_DEPTH: usize = 4;

/// Reads SeccompProfiles.
#[derive(Debug)]
pub(super) struct Spo {
    native: Arch,
}

impl Spo {
    /// A reader; profiles that list no architecture are of this one.
    pub(super) fn new(native: Arch) -> Self {
        Self { native }
    }
}

impl Form for Spo {
    fn read(&mut self, text: &str, draft: &mut Draft) {
        let documents = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map(|value| vec![value]).map_err(|e| format!("not JSON: {e}"))
        } else {
            yaml::read(text)
        };
        match documents {
            Ok(documents) => documents.iter().for_each(|d| self.document(d, text, draft, 0)),
            Err(message) => draft.invalid(message),
        }
    }
}

impl Spo {
    fn document(&self, value: &Value, text: &str, draft: &mut Draft, depth: usize) {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if kind.ends_with("List") && depth < MAX_DEPTH {
            let items = value.get("items").and_then(Value::as_array);
            items.into_iter().flatten().for_each(|item| self.document(item, text, draft, depth + 1));
        } else if kind == "SeccompProfile" {
            self.profile(value, text, draft);
        } else if !value.is_null() {
            draft.note(format!("a document of kind `{}` was passed over", kind.escape_default()));
        }
    }

    fn profile(&self, value: &Value, text: &str, draft: &mut Draft) {
        let Some(Value::Object(spec)) = value.get("spec") else {
            return draft.invalid("a SeccompProfile without spec".to_owned());
        };
        let mut spec = spec.clone();
        spec.remove("disabled");
        if let Some(base) = spec.remove("baseProfileName") {
            let base = base.as_str().unwrap_or_default().escape_default().to_string();
            draft.lose(format!("the profile builds on `{base}`, whose calls are not in it"));
        }
        let labels = value.get("metadata").and_then(|m| m.get("labels"));
        if labels.and_then(|l| l.get(PARTIAL)).and_then(Value::as_str) == Some("true") {
            draft.lose("the profile is partial: others of the same recording have the rest".to_owned());
        }
        // The strict reader wants `architectures` and `syscalls` to be lists, where resources may have null.
        spec.retain(|_, value| !value.is_null());
        let json = Value::Object(spec).to_string();
        match crate::profile::read(&json) {
            Ok((read, _)) => {
                let arches = profile::arches(&read, self.native, draft);
                profile::fold(&read, &arches, &|name| line_of_word(text, &name.text), draft);
            }
            Err(error) => draft.invalid(format!("spec: {}", error.message)),
        }
    }
}

/// The first line a name stands on, from 1.
fn line_of_word(text: &str, word: &str) -> u64 {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has = |line: &str| line.split(|c| !in_word(c)).any(|w| w == word);
    text.lines().position(has).map_or(1, |at| at as u64 + 1)
}

#[cfg(test)]
mod tests {
    use crate::arch::Arch;
    use crate::import::tests::{Read, read};
    use crate::import::{Format, ImportError};

    fn spo(text: &str) -> Read {
        read(Format::Spo, Arch::X86_64, text)
    }

    const YAML: &str = "\
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  labels:
    spo.x-k8s.io/recording-id: web
  name: web
spec:
  defaultAction: SCMP_ACT_ERRNO
  architectures: [SCMP_ARCH_X86_64]
  syscalls:
  - action: SCMP_ACT_ALLOW
    names:
    - openat
    - socket
";

    const JSON: &str = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"kind\": \"SeccompProfile\", \"spec\": \
                        {\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": null, \"disabled\": false, \"syscalls\": \
                        [{\"action\": \"SCMP_ACT_LOG\", \"names\": [\"read\"]}]}}]}";

    #[test]
    fn resources_and_lists_of_them_are_read_in_yaml_and_json() {
        let yaml = spo(YAML);
        assert_eq!(yaml.calls(), ["openat ?", "socket ?"]);
        yaml.says("a profile holds no counts");
        assert!(yaml.trace().complete);
        assert_eq!(spo(JSON).calls(), ["read ?"]);
        let several = format!("{YAML}---\nkind: ProfileBinding\n---\n{}", YAML.replace("openat", "close"));
        let several = spo(&several);
        assert_eq!(several.calls(), ["close ?", "openat ?", "socket ?"]);
        several.says("a document of kind `ProfileBinding` was passed over");
    }

    #[test]
    fn a_profile_with_a_base_or_others_beside_it_is_not_whole() {
        let based = spo(&YAML.replace("spec:\n", "spec:\n  baseProfileName: runc-v1.2.4\n"));
        based.says("builds on `runc-v1.2.4`, whose calls are not in it");
        let partial = spo(&YAML.replace("recording-id: web", "partial: \"true\""));
        partial.says("the profile is partial");
        assert!(!based.trace().complete && !partial.trace().complete);
    }

    #[test]
    fn names_that_are_no_calls_stand_in_the_error_with_their_line() {
        let ImportError::UnknownCalls { calls } = spo(&YAML.replace("- openat", "- opneat")).error() else {
            panic!()
        };
        assert_eq!((calls[0].name.as_str(), calls[0].line), ("opneat", 13));
    }

    #[test]
    fn what_is_broken_is_said() {
        for (text, words) in [
            (YAML.replace("  defaultAction: SCMP_ACT_ERRNO\n", ""), "log: spec: "),
            (YAML.replace("spec:\n", "other:\n"), "a SeccompProfile without spec"),
            (YAML.replace("[SCMP_ARCH_X86_64]", "[SCMP_ARCH_X86_64"), "not YAML, line "),
            (YAML.replace("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW"), "allows what it does not name"),
        ] {
            let error = spo(&text).error().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
