//! The trace file: the only on-disk types of a trace, and the documented JSON of `show TRACE --format json`.
//!
//! Reading is strict: another version, unknown names, numbers that do not fit their name and cut-off files are errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Outcome, Phase, Provenance, Record, Trace, Values};
use crate::arch::Arch;
use crate::{args, sysno};

/// The schema name every trace document carries.
pub const SCHEMA: &str = "callgate.dev/trace/v1";

/// Why a text is not a trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the trace is empty")]
    Empty,
    /// Not JSON, cut off, or not of this shape.
    #[error("not a trace: {0}")]
    Shape(#[from] serde_json::Error),
    /// A document of another kind or version.
    #[error("not a trace this version reads: schema `{found}`, expected `{SCHEMA}`")]
    Schema {
        /// What the document says it is.
        found: String,
    },
    /// A field has a value that cannot be.
    #[error("calls[{index}]: {problem}")]
    Call {
        /// Index in `calls`.
        index: usize,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Deserialize)]
struct Header {
    schema: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    complete: bool,
    lost: u64,
    /// Counters of what may be lost, where the recorder has several.
    #[serde(default)]
    losses: BTreeMap<String, u64>,
    recordings: Vec<RecordingDoc>,
    calls: Vec<CallDoc>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingDoc {
    backend: String,
    command: String,
    started: u64,
    duration_ms: u64,
    kernel: String,
    no_new_privs: bool,
    trimmed: bool,
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallDoc {
    arch: String,
    name: Option<String>,
    nr: u32,
    /// errno of another filter's refusal.
    refused: Option<u16>,
    count: Option<u64>,
    /// The first phase it was seen in.
    phase: String,
    phases: Vec<String>,
    executables: Vec<String>,
    first_by: String,
    first_ms: u64,
    args: BTreeMap<u8, ArgDoc>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgDoc {
    name: String,
    values: Vec<ValueDoc>,
    widened: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueDoc {
    value: u64,
    text: String,
    count: Option<u64>,
}

/// Writes a trace as JSON, one call per line: byte-stable, made for diffs.
pub fn write(trace: &Trace) -> String {
    let calls: Vec<CallDoc> = trace.calls.iter().map(|(k, r)| call_doc(*k, r)).collect();
    let recordings: Vec<RecordingDoc> = trace.recordings.iter().map(recording_doc).collect();
    let mut text = format!(
        "{{\n\"schema\": \"{SCHEMA}\",\n\"complete\": {},\n\"lost\": {},\n",
        trace.complete, trace.lost
    );
    if !trace.losses.is_empty() {
        text.push_str(&format!("\"losses\": {},\n", serde_json::json!(trace.losses)));
    }
    push_lines(&mut text, "recordings", &recordings);
    text.push_str(",\n");
    push_lines(&mut text, "calls", &calls);
    text.push_str("\n}\n");
    text
}

/// Appends `"key": [` and one line per item.
fn push_lines<T: Serialize>(text: &mut String, key: &str, items: &[T]) {
    text.push_str(&format!("\"{key}\": ["));
    for (i, item) in items.iter().enumerate() {
        text.push_str(if i == 0 { "\n" } else { ",\n" });
        // Serialising our own plain structs cannot fail: no maps with odd keys, no foreign Serialize.
        text.push_str(&serde_json::to_string(item).unwrap_or_default());
    }
    text.push_str("\n]");
}

fn recording_doc(p: &Provenance) -> RecordingDoc {
    RecordingDoc {
        backend: p.backend.clone(),
        command: p.command.clone(),
        started: p.started,
        duration_ms: p.duration_ms,
        kernel: p.kernel.clone(),
        no_new_privs: p.no_new_privs,
        trimmed: p.trimmed,
        notes: p.notes.clone(),
    }
}

fn call_doc((arch, nr, outcome): (Arch, u32, Outcome), record: &Record) -> CallDoc {
    let name = sysno::name(arch, nr);
    let params = name.and_then(|n| args::params_on(arch, n)).unwrap_or_default();
    let arg_doc = |(index, values): (&u8, &Values)| {
        let texts = values.seen.iter().map(|(value, count)| ValueDoc {
            value: *value,
            text: name.map(|n| args::format_value(arch, n, *index as usize, *value)).unwrap_or_default(),
            count: *count,
        });
        let label = params.get(*index as usize).map_or("", |p| p.name);
        (*index, ArgDoc { name: label.to_owned(), values: texts.collect(), widened: values.widened })
    };
    CallDoc {
        arch: arch.name().to_owned(),
        name: name.map(str::to_owned),
        nr,
        refused: match outcome {
            Outcome::Made => None,
            Outcome::Refused(errno) => Some(errno),
        },
        count: record.count,
        phase: record.phases.first().map_or("unphased", |p| p.name()).to_owned(),
        phases: record.phases.iter().map(|p| p.name().to_owned()).collect(),
        executables: record.executables.iter().cloned().collect(),
        first_by: record.first_by.clone(),
        first_ms: record.first_ms,
        args: record.args.iter().map(arg_doc).collect(),
    }
}

/// Reads a trace file.
pub fn read(text: &str) -> Result<Trace, ReadError> {
    if text.trim().is_empty() {
        return Err(ReadError::Empty);
    }
    let header: Header = serde_json::from_str(text)?;
    if header.schema != SCHEMA {
        return Err(ReadError::Schema { found: header.schema });
    }
    let doc: Document = serde_json::from_str(text)?;
    let mut trace = Trace { complete: doc.complete, lost: doc.lost, losses: doc.losses, ..Trace::default() };
    trace.recordings = doc.recordings.into_iter().map(provenance).collect();
    for (index, call) in doc.calls.into_iter().enumerate() {
        let (key, record) = record(call).map_err(|problem| ReadError::Call { index, problem })?;
        if trace.calls.insert(key, record).is_some() {
            let problem = "the same call stands here twice".to_owned();
            return Err(ReadError::Call { index, problem });
        }
    }
    Ok(trace)
}

fn provenance(doc: RecordingDoc) -> Provenance {
    Provenance {
        backend: doc.backend,
        command: doc.command,
        started: doc.started,
        duration_ms: doc.duration_ms,
        kernel: doc.kernel,
        no_new_privs: doc.no_new_privs,
        trimmed: doc.trimmed,
        notes: doc.notes,
    }
}

fn record(doc: CallDoc) -> Result<((Arch, u32, Outcome), Record), String> {
    let arch: Arch = doc.arch.parse().map_err(|e: crate::arch::UnknownArch| e.to_string())?;
    if let Some(name) = &doc.name
        && sysno::number(arch, name) != Some(doc.nr)
    {
        return Err(format!("`{name}` is not number {} on {arch}", doc.nr));
    }
    let phase = |name: &String| Phase::from_name(name).ok_or_else(|| format!("unknown phase `{name}`"));
    let phases = doc.phases.iter().map(phase).collect::<Result<_, _>>()?;
    let mut args = BTreeMap::new();
    for (index, arg) in doc.args {
        if index > 5 {
            return Err(format!("argument index {index}: calls have six arguments, 0 to 5"));
        }
        let seen = arg.values.into_iter().map(|v| (v.value, v.count)).collect();
        args.insert(index, Values { seen, widened: arg.widened });
    }
    if doc.refused.is_some_and(|errno| !(1..=crate::errno::MAX).contains(&errno)) {
        return Err(format!("refused: errnos are 1 to {}", crate::errno::MAX));
    }
    let outcome = doc.refused.map_or(Outcome::Made, Outcome::Refused);
    let record = Record {
        count: doc.count,
        phases,
        executables: doc.executables.into_iter().collect(),
        first_by: doc.first_by,
        first_ms: doc.first_ms,
        args,
    };
    Ok(((arch, doc.nr, outcome), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Observation;

    fn example() -> Trace {
        let mut trace = Trace::default();
        trace.recordings.push(Provenance { backend: "notify".to_owned(), ..Provenance::default() });
        for (name, arg0, outcome) in
            [("socket", 10, Outcome::Made), ("getpid", 0, Outcome::Made), ("clone3", 0, Outcome::Refused(38))]
        {
            trace.observe(&Observation {
                arch: Arch::X86_64,
                nr: sysno::number(Arch::X86_64, name).unwrap(),
                args: [arg0, 1, 0, 0, 0, 0],
                outcome,
                count: Some(1),
                phase: Phase::StartUp,
                executable: "/usr/bin/\u{1b}[31mx".to_owned(),
                at_ms: 1,
            });
        }
        trace
    }

    #[test]
    fn a_trace_survives_writing_and_reading() {
        let trace = example();
        assert_eq!(read(&write(&trace)).unwrap(), trace);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let text = write(&example());
        for cut in 0..text.trim_end().len() {
            if text.is_char_boundary(cut) {
                assert!(read(&text[..cut]).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_trace_of_another_version_says_which() {
        let text = write(&example()).replace("trace/v1", "trace/v9");
        assert!(read(&text).unwrap_err().to_string().contains("trace/v9"));
    }

    #[test]
    fn a_number_that_does_not_fit_its_name_is_an_error() {
        let text = write(&example()).replace("\"nr\":39", "\"nr\":40");
        assert!(read(&text).unwrap_err().to_string().contains("`getpid` is not number 40"));
    }
}
