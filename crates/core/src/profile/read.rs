//! The strict reader: JSON text → [`Profile`] and everything worth saying about it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::json::{self, Key, Node, Value};
use super::{ArchName, Condition, Extra, Lines, Name, Profile, Rule, RuleAction};
use crate::action::Action;
use crate::arch::{Arch, OCI_UNMODELLED};
use crate::diagnostic::Diagnostic;
use crate::set::Op;
use crate::{errno, suggest, sysno};

/// The text is no seccomp profile at all. Runtimes start such a container *unconfined*; callgate never goes on.
#[derive(Debug, thiserror::Error)]
#[error("invalid profile, line {line}: {message}")]
pub struct InvalidProfile {
    /// What is wrong, naming its subject.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
    /// Byte range.
    pub span: Range<usize>,
    /// The way out.
    pub hint: Option<String>,
}

/// Reads a profile.
///
/// The diagnostics speak of what is kept but means nothing, or not what it seems: unknown names, keys, architectures.
pub fn read(text: &str) -> Result<(Profile, Vec<Diagnostic>), InvalidProfile> {
    let lines = Lines::of(text);
    let mut reader = Reader::of(text, &lines);
    if text.starts_with('\u{feff}') {
        let invalid = reader.invalid("the file begins with a byte order mark (U+FEFF)", 0..3);
        let hint = "runtimes refuse it for that; save it as UTF-8 without one";
        return Err(InvalidProfile { hint: Some(hint.to_owned()), ..invalid });
    }
    let document = json::parse(text).map_err(|e| reader.invalid(e.message, e.at..e.at))?;
    let profile = reader.profile(&document)?;
    Ok((profile, reader.notes))
}

/// Reads a profile out of a document that was parsed already, as a part of `text`: a profile in a ConfigMap.
///
/// All places are those of `text`, and so are lines, which the caller has counted: a text may hold many profiles.
pub fn read_node(
    text: &str,
    lines: &Lines,
    document: &Node,
) -> Result<(Profile, Vec<Diagnostic>), InvalidProfile> {
    let mut reader = Reader::of(text, lines);
    let profile = reader.profile(document)?;
    Ok((profile, reader.notes))
}

type Read<T> = Result<T, InvalidProfile>;

struct Reader<'a> {
    text: &'a str,
    /// So that a line number is a look-up.
    lines: &'a Lines,
    notes: Vec<Diagnostic>,
    /// Unknown names that were given a guess.
    guesses: usize,
}

/// So many unknown names are given a guess: each is compared with all names there are, and a file may hold many.
const MAX_GUESSES: usize = 20;

impl<'a> Reader<'a> {
    fn of(text: &'a str, lines: &'a Lines) -> Self {
        Reader { text, lines, notes: Vec::new(), guesses: 0 }
    }

    fn invalid(&self, message: impl Into<String>, span: Range<usize>) -> InvalidProfile {
        InvalidProfile { message: message.into(), line: self.line(span.start), span, hint: None }
    }

    /// The line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        self.lines.at(offset)
    }

    fn wrong_kind(&self, what: &str, expected: &str, node: &Node) -> InvalidProfile {
        self.invalid(format!("{what} must be {expected}, not {}", node.kind()), node.span.clone())
    }

    /// The members of an object, with duplicate keys refused: readers disagree on which of two wins.
    fn object<'n>(&self, what: &str, node: &'n Node) -> Read<&'n [(Key, Node)]> {
        let Value::Object(members) = &node.value else {
            return Err(self.wrong_kind(what, "an object", node));
        };
        let mut seen = BTreeSet::new();
        for (key, _) in members {
            if !seen.insert(key.name.as_str()) {
                return Err(
                    self.invalid(format!("{what} has the key `{}` twice", key.name), key.span.clone())
                );
            }
        }
        Ok(members)
    }

    fn list<'n>(&self, what: &str, node: &'n Node) -> Read<&'n [Node]> {
        match &node.value {
            Value::List(items) => Ok(items),
            _ => Err(self.wrong_kind(what, "a list", node)),
        }
    }

    fn string(&self, what: &str, node: &Node) -> Read<String> {
        match &node.value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(self.wrong_kind(what, "a string", node)),
        }
    }

    fn number(&self, what: &str, node: &Node, max: u64) -> Read<u64> {
        let Value::Number(text) = &node.value else { return Err(self.wrong_kind(what, "a number", node)) };
        match text.parse::<u64>() {
            Ok(n) if n <= max => Ok(n),
            _ => Err(self.invalid(
                format!("{what} must be a whole number from 0 to {max}, not {text}"),
                node.span.clone(),
            )),
        }
    }

    /// What an action returns besides itself: an errno, or for TRACE any 16 bits. The kernel hands them to the tracer
    /// (seccomp(2), `SECCOMP_RET_TRACE`), and libseccomp takes them (`src/system.c`, sys_chk_seccomp_action).
    fn data(&self, what: &str, node: &Node, action: Option<&Node>) -> Read<u16> {
        let traces = action.is_some_and(|action| action.value == Value::Text("SCMP_ACT_TRACE".to_owned()));
        let max = if traces { u16::MAX } else { errno::MAX };
        self.number(what, node, u64::from(max)).map(|n| n as u16)
    }

    /// containers-common's errno by name, or as digits in a string.
    fn errno_name(&self, what: &str, node: &Node) -> Read<u16> {
        let text = self.string(what, node)?;
        let number = errno::number(&text).or_else(|| text.parse().ok().filter(|n| *n <= errno::MAX));
        number.ok_or_else(|| self.invalid(format!("{what}: unknown errno `{text}`"), node.span.clone()))
    }

    /// Keeps a key nobody knows. One that differs from a known one in case only is an error: runtimes in Go take it for
    /// that one (`encoding/json`, Unmarshal: "preferring exact matches but also accepting case-insensitive matches"), those
    /// in C do not, and what the profile allows would depend on who reads it.
    fn keep(&mut self, extra: &mut Vec<Extra>, (key, node): (&Key, &Node), known: &[&str]) -> Read<()> {
        self.exact(key, known)?;
        let json = self.text[node.span.clone()].to_owned();
        let mut note = Diagnostic::warning(
            "unknown-key",
            format!("unknown key `{}` is kept and has no effect", key.name),
        );
        if let Some(near) = suggest::nearest(&key.name, known.iter().copied()) {
            note = note.hint(format!("did you mean `{near}`?"));
        }
        self.notes.push(note.at(key.span.clone()));
        extra.push(Extra { key: key.name.clone(), json, span: key.span.clone() });
        Ok(())
    }

    fn exact(&self, key: &Key, known: &[&str]) -> Read<()> {
        let Some(meant) = known.iter().find(|known| same_but_for_case(known, &key.name)) else {
            return Ok(());
        };
        let mut error = self.invalid(
            format!("key `{}` is `{meant}` to runtimes in Go, and nothing to others", key.name),
            key.span.clone(),
        );
        error.hint = Some(format!("write `{meant}`, or take it out"));
        Err(error)
    }

    /// A key whose effect depends on who loads the file.
    fn keep_docker(&mut self, extra: &mut Vec<Extra>, key: &Key, node: &Node) {
        let message =
            format!("`{}` is understood by Docker's and Podman's loaders only; others drop it", key.name);
        self.notes.push(Diagnostic::warning("loader-dependent", message).at(key.span.clone()));
        let json = self.text[node.span.clone()].to_owned();
        extra.push(Extra { key: key.name.clone(), json, span: key.span.clone() });
    }

    fn profile(&mut self, document: &Node) -> Read<Profile> {
        let members = self.object("a profile", document)?;
        let mut profile = Profile::default();
        let (mut action, mut code, mut code_name) = (None, None, None);
        for (key, node) in members {
            match key.name.as_str() {
                "defaultAction" => action = Some(node),
                "defaultErrnoRet" => code = Some(node),
                "defaultErrno" => code_name = Some(self.errno_name("defaultErrno", node)?),
                "architectures" => profile.architectures = self.architectures(node)?,
                "flags" => profile.flags = self.flags(node)?,
                "listenerPath" => profile.listener_path = Some(self.string("listenerPath", node)?),
                "listenerMetadata" => {
                    profile.listener_metadata = Some(self.string("listenerMetadata", node)?);
                }
                "syscalls" => profile.rules = self.rules(node)?,
                "archMap" => self.keep_docker(&mut profile.extra, key, node),
                _ => self.keep(&mut profile.extra, (key, node), &KEYS)?,
            }
        }
        let Some(node) = action else { return Err(self.no_default(members, document)) };
        let code = code.map(|code| self.data("defaultErrnoRet", code, action)).transpose()?;
        profile.default = self.action("defaultAction", node, code_name.or(code))?;
        self.note_success(profile.default.action, node);
        Ok(profile)
    }

    /// The message for objects that are no profile, with a guess at what they are.
    fn no_default(&self, members: &[(Key, Node)], document: &Node) -> InvalidProfile {
        let wrapped = ["spec", "seccomp", "linux", "apiVersion"]
            .iter()
            .any(|w| members.iter().any(|(k, _)| k.name == *w));
        let mut error = self.invalid("`defaultAction` is missing", document.span.clone());
        error.hint = Some(if wrapped {
            "this looks like an object that contains a profile; give the profile itself".to_owned()
        } else {
            "runtimes take such a file for \"no seccomp\"; add \"defaultAction\": \"SCMP_ACT_ERRNO\""
                .to_owned()
        });
        error
    }

    fn action(&self, what: &str, node: &Node, code: Option<u16>) -> Read<RuleAction> {
        let name = self.string(what, node)?;
        if let Some(action) = Action::from_oci(&name, code) {
            return Ok(RuleAction { action, errno: code });
        }
        let mut error = self.invalid(format!("{what}: unknown action `{name}`"), node.span.clone());
        error.hint = suggest::nearest(&name, Action::OCI_NAMES).map(|near| format!("did you mean `{near}`?"));
        Err(error)
    }

    /// ERRNO with 0 does not make the call, and says that it was made.
    fn note_success(&mut self, action: Action, node: &Node) {
        if action == Action::Errno(0) {
            let message = "errno 0 tells the program that a refused call succeeded";
            let note = Diagnostic::warning("errno-zero", message).at(node.span.clone());
            self.notes.push(note.hint("name an errno, such as 1 (EPERM) or 38 (ENOSYS)"));
        }
    }

    fn architectures(&mut self, node: &Node) -> Read<Vec<ArchName>> {
        let mut found = Vec::new();
        for item in self.list("architectures", node)? {
            let name = self.string("an architecture", item)?;
            let arch = Arch::from_oci(&name);
            if arch.is_none() && !OCI_UNMODELLED.contains(&name.as_str()) {
                let mut error = self.invalid(format!("unknown architecture `{name}`"), item.span.clone());
                let known = Arch::ALL.iter().map(|a| a.oci()).chain(OCI_UNMODELLED);
                error.hint = suggest::nearest(&name, known).map(|near| format!("did you mean `{near}`?"));
                return Err(error);
            }
            if arch.is_none() {
                let message =
                    format!("callgate has no system call table for `{name}`; its calls are not judged");
                self.notes
                    .push(Diagnostic::warning("unmodelled-architecture", message).at(item.span.clone()));
            }
            found.push(ArchName { name, arch, span: item.span.clone() });
        }
        Ok(found)
    }

    fn flags(&mut self, node: &Node) -> Read<Vec<String>> {
        let mut flags = Vec::new();
        for item in self.list("flags", node)? {
            let flag = self.string("a flag", item)?;
            if !FLAGS.contains(&flag.as_str()) {
                let mut error = self.invalid(format!("unknown flag `{flag}`"), item.span.clone());
                error.hint = suggest::nearest(&flag, FLAGS).map(|near| format!("did you mean `{near}`?"));
                return Err(error);
            }
            flags.push(flag);
        }
        Ok(flags)
    }

    fn rules(&mut self, node: &Node) -> Read<Vec<Rule>> {
        self.list("syscalls", node)?.iter().map(|item| self.rule(item)).collect()
    }

    fn rule(&mut self, node: &Node) -> Read<Rule> {
        let mut rule = Rule::new([], Action::Allow);
        (rule.span, rule.line) = (node.span.clone(), self.line(node.span.start));
        let (mut action, mut code, mut code_name) = (None, None, None);
        let mut single = None;
        for (key, value) in self.object("an entry of `syscalls`", node)? {
            match key.name.as_str() {
                "names" => rule.names.extend(self.names(value)?),
                "name" if value.value == Value::Text(String::new()) => {}
                "name" => single = Some((key, self.name(value)?)),
                "action" => action = Some(value),
                "errnoRet" => code = Some(value),
                "errno" => code_name = Some(self.errno_name("errno", value)?),
                "args" if value.value == Value::Null => {}
                "args" => rule.conditions = self.conditions(value)?,
                "comment" => rule.comment = Some(self.string("comment", value)?),
                "includes" | "excludes" if is_empty(value) => {}
                "includes" | "excludes" => self.keep_docker(&mut rule.extra, key, value),
                _ => self.keep(&mut rule.extra, (key, value), &RULE_KEYS)?,
            }
        }
        if let Some((key, name)) = single {
            // Docker's loader refuses such a profile (`profiles/seccomp/seccomp_linux.go`, setupSeccomp).
            if !rule.names.is_empty() {
                let message = "an entry of `syscalls` has both `name` and `names`, which Docker refuses";
                let error = self.invalid(message, key.span.clone());
                return Err(InvalidProfile { hint: Some("leave one of them out".to_owned()), ..error });
            }
            rule.names.push(name);
        }
        let Some(action) = action else {
            return Err(self.invalid("an entry of `syscalls` has no `action`", node.span.clone()));
        };
        if rule.names.is_empty() {
            return Err(self.invalid("an entry of `syscalls` has no `names`", node.span.clone()));
        }
        let code = code.map(|code| self.data("errnoRet", code, Some(action))).transpose()?;
        rule.action = self.action("action", action, code_name.or(code))?;
        self.note_success(rule.action.action, action);
        Ok(rule)
    }

    fn names(&mut self, node: &Node) -> Read<Vec<Name>> {
        self.list("names", node)?.iter().map(|item| self.name(item)).collect()
    }

    fn name(&mut self, node: &Node) -> Read<Name> {
        let text = self.string("a system call name", node)?;
        if text.is_empty() {
            return Err(self.invalid("an empty system call name", node.span.clone()));
        }
        if !sysno::is_known(&text) {
            let message =
                format!("unknown system call `{text}`: runtimes skip it, so the rule says nothing about it");
            let mut note = Diagnostic::warning("unknown-call", message).at(node.span.clone());
            if self.guesses < MAX_GUESSES {
                self.guesses += 1;
                let near = suggest::nearest(&text, sysno::names().iter().copied());
                note.hint = near.map(|n| format!("did you mean `{n}`?"));
            }
            self.notes.push(note);
        }
        Ok(Name { text, span: node.span.clone() })
    }

    fn conditions(&mut self, node: &Node) -> Read<Vec<Condition>> {
        self.list("args", node)?.iter().map(|item| self.condition(item)).collect()
    }

    fn condition(&mut self, node: &Node) -> Read<Condition> {
        let (mut index, mut op, mut value, mut value_two) = (0, None, 0, 0);
        for (key, node) in self.object("an entry of `args`", node)? {
            match key.name.as_str() {
                "index" => index = self.number("index", node, 5)? as u8,
                "value" => value = self.number("value", node, u64::MAX)?,
                "valueTwo" => value_two = self.number("valueTwo", node, u64::MAX)?,
                "op" => op = Some(self.op(node)?),
                other => {
                    let mut error =
                        self.invalid(format!("unknown key `{other}` in `args`"), key.span.clone());
                    error.hint =
                        suggest::nearest(other, ARG_KEYS).map(|near| format!("did you mean `{near}`?"));
                    return Err(error);
                }
            }
        }
        match op {
            Some(op) => Ok(Condition { index, op, value, value_two }),
            None => Err(self.invalid("an entry of `args` has no `op`", node.span.clone())),
        }
    }

    fn op(&self, node: &Node) -> Read<Op> {
        let name = self.string("op", node)?;
        Op::from_oci(&name).ok_or_else(|| {
            let mut error = self.invalid(format!("unknown operator `{name}`"), node.span.clone());
            error.hint = suggest::nearest(&name, Op::ALL.map(|(_, n)| n))
                .map(|near| format!("did you mean `{near}`?"));
            error
        })
    }
}

/// `{}`: Docker writes empty conditions everywhere; they condition nothing.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Object(members) => members.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

/// As Go compares keys: Unicode's simple folding, which has two characters more than ASCII has (`ſ` and the Kelvin sign).
fn same_but_for_case(a: &str, b: &str) -> bool {
    let folded = |text: &str| text.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase();
    folded(a) == folded(b)
}

/// Keys of a profile in any of the formats: OCI, Docker, containers-common.
pub const KEYS: [&str; 9] = [
    "archMap",
    "architectures",
    "defaultAction",
    "defaultErrno",
    "defaultErrnoRet",
    "flags",
    "listenerMetadata",
    "listenerPath",
    "syscalls",
];
/// Keys of a rule, an entry of `syscalls`, in any of the formats.
pub const RULE_KEYS: [&str; 9] =
    ["action", "args", "comment", "errno", "errnoRet", "excludes", "includes", "name", "names"];
/// Keys of a condition, an entry of a rule's `args`.
pub const ARG_KEYS: [&str; 4] = ["index", "op", "value", "valueTwo"];
/// runtime-spec `config-linux.md`, `seccomp.flags`.
pub const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_only_some_runtimes_understand_is_an_error() {
        for key in ["DefaultAction", "defaultaction", "\u{17f}yscalls"] {
            let text = format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "{key}": "SCMP_ACT_ALLOW"}}"#);
            assert!(error(&text).contains("runtimes in Go"), "{key}");
        }
        let rule = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "Action": "SCMP_ACT_ALLOW"}]}"#;
        assert!(error(rule).contains("`Action` is `action`"));
    }

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn what_runtimes_take_for_no_seccomp_is_invalid() {
        for text in
            ["", "{}", "null", "[]", "{\"spec\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}", "{\"syscalls\":[]}"]
        {
            assert!(error(text).starts_with("invalid profile, line 1"), "{text}");
        }
        let text = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[null]}";
        assert!(error(text).contains("must be an object, not null"));
    }

    #[test]
    fn errors_name_line_and_subject() {
        let text = "{\n \"defaultAction\": \"SCMP_ACT_ERNO\"\n}";
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.hint.as_deref()), (2, Some("did you mean `SCMP_ACT_ERRNO`?")));
    }

    #[test]
    fn unknown_names_are_kept_and_reported_with_a_guess() {
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["opneat"],"action":"SCMP_ACT_ALLOW"}]}"#;
        let (profile, notes) = read(text).unwrap();
        assert_eq!(profile.rules[0].names[0].text, "opneat");
        assert_eq!(
            (notes[0].code, notes[0].hint.as_deref()),
            ("unknown-call", Some("did you mean `openat`?"))
        );
    }

    #[test]
    fn errno_zero_is_not_errno_absent() {
        let text = |e: &str| format!("{{\"defaultAction\":\"SCMP_ACT_ERRNO\"{e}}}");
        assert_eq!(read(&text("")).unwrap().0.default, RuleAction { action: Action::Errno(1), errno: None });
        let zero = read(&text(",\"defaultErrnoRet\":0")).unwrap().0.default;
        assert_eq!(zero, RuleAction { action: Action::Errno(0), errno: Some(0) });
    }

    #[test]
    fn the_data_of_trace_has_16_bits_and_errnos_end_where_the_kernel_cuts_them() {
        let text = |action: &str, data: u32| {
            format!(
                r#"{{"defaultAction":"{action}","defaultErrnoRet":{data},"syscalls":[{{"names":["bpf"],"errnoRet":{data},"action":"{action}"}}]}}"#
            )
        };
        let traced = read(&text("SCMP_ACT_TRACE", 65535)).unwrap().0;
        assert_eq!(
            (traced.default.action, traced.rules[0].action.action),
            (Action::Trace(u16::MAX), Action::Trace(u16::MAX))
        );
        assert!(
            error(&text("SCMP_ACT_TRACE", 65536)).contains("errnoRet must be a whole number from 0 to 65535")
        );
        assert!(read(&text("SCMP_ACT_ERRNO", 4095)).is_ok());
        assert!(error(&text("SCMP_ACT_ERRNO", 4096)).contains("from 0 to 4095, not 4096"));
    }

    #[test]
    fn errno_zero_is_warned_of_wherever_it_stands() {
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":0,"syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO","errnoRet":0}]}"#;
        let codes: Vec<_> = read(text).unwrap().1.iter().map(|n| n.code).collect();
        assert_eq!(codes, ["errno-zero"; 2]);
    }

    #[test]
    fn a_rule_has_a_name_or_names() {
        let text = |names: &str| {
            format!(
                "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[\n{{{names},\"action\":\"SCMP_ACT_ALLOW\"}}]}}"
            )
        };
        assert!(
            error(&text(r#""name":"read","names":["write"]"#))
                .contains("line 2: an entry of `syscalls` has both")
        );
        assert!(error(&text(r#""names":["write"],"name":"read""#)).contains("both"));
        for fine in [r#""name":"read""#, r#""name":"","names":["write"]"#, r#""name":"read","names":[]"#] {
            assert!(read(&text(fine)).is_ok(), "{fine}");
        }
    }

    #[test]
    fn only_the_first_unknown_names_get_a_guess() {
        let names = vec!["\"opneat\""; 1000].join(",");
        let text = format!(
            "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{{\"names\":[{names}],\"action\":\"SCMP_ACT_ALLOW\"}}]}}"
        );
        let notes = read(&text).unwrap().1;
        assert_eq!((notes.len(), notes.iter().filter(|n| n.hint.is_some()).count()), (1000, MAX_GUESSES));
    }

    #[test]
    fn values_out_of_range_and_of_the_wrong_kind_are_errors() {
        let arg = |arg: &str| {
            format!(
                r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{arg}]}}]}}"#
            )
        };
        assert!(error(&arg(r#"{"index":6,"op":"SCMP_CMP_EQ"}"#)).contains("from 0 to 5"));
        assert!(error(&arg(r#"{"index":0,"value":"1","op":"SCMP_CMP_EQ"}"#)).contains("not a string"));
        assert!(
            error(&arg(r#"{"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}"#))
                .contains("whole number")
        );
        assert!(read(&arg(r#"{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}"#)).is_ok());
    }

    #[test]
    fn keys_whose_meaning_depends_on_the_loader_are_kept_and_said() {
        let text = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}]}"#;
        let (profile, notes) = read(text).unwrap();
        assert_eq!(notes[0].code, "loader-dependent");
        assert_eq!(profile.rules[0].extra[0].json, r#"{"caps":["CAP_BPF"]}"#);
    }
}
