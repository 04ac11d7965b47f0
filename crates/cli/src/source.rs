//! A filter as source of a program, and as a JSON document, which is read, too. Types with `Serialize` are wire formats.

use std::borrow::Cow;
use std::fmt::Write as _;

use callgate_bpf::disasm::{Line, lines};
use callgate_bpf::{Insn, Program};
use callgate_core::Arch;
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "callgate.dev/filter/v1";

/// A filter as JSON: `compile --emit json` and `disasm --format json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    schema: Cow<'static, str>,
    instructions: Vec<Instruction>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instruction {
    index: usize,
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
    /// What it does, in words.
    text: String,
    /// Which calls get there, where that is worth saying.
    note: Option<String>,
}

/// The JSON document of a filter, as it looks to calls of `arch`, or of any.
pub(crate) fn document(program: &Program, arch: Option<Arch>) -> Document {
    let instruction = |Line { index, insn, text, note }| {
        let Insn { code, jt, jf, k } = insn;
        Instruction { index, code, jt, jf, k, text, note }
    };
    let instructions = lines(program, arch).into_iter().map(instruction).collect();
    Document { schema: SCHEMA.into(), instructions }
}

/// Reads such a document. The instructions count; their text is for people.
pub(crate) fn read(text: &str) -> Result<Program, String> {
    let document: Document =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
    if document.schema != SCHEMA {
        return Err(format!("its schema is `{}`; this callgate reads {SCHEMA}", document.schema));
    }
    let instructions = document.instructions;
    if let Some((place, found)) = instructions.iter().enumerate().find(|(place, found)| *place != found.index)
    {
        return Err(format!(
            "instruction {} stands in place {place}: some are missing, or moved",
            found.index
        ));
    }
    let insn = |Instruction { code, jt, jf, k, .. }| Insn { code, jt, jf, k };
    Program::new(instructions.into_iter().map(insn).collect()).map_err(|error| error.to_string())
}

/// An array in C, and the `struct sock_fprog` that seccomp(2) and prctl(2) take.
pub(crate) fn c(program: &Program) -> String {
    let mut out = "/* Made by callgate compile. Load it with PR_SET_NO_NEW_PRIVS set, or as root. */\n\
        #include <linux/filter.h>\n\nstatic const struct sock_filter callgate_filter[] = {\n"
        .to_owned();
    for line in lines(program, None) {
        let Insn { code, jt, jf, k } = line.insn;
        let _ = writeln!(out, "\t/* {} */", comment(&line).replace("*/", "* /"));
        let _ = writeln!(out, "\t{{ {code:#06x}, {jt:#04x}, {jf:#04x}, {k:#010x} }},");
    }
    out.push_str(
        "};\n\n/* The kernel copies the instructions and does not write to them. */\n\
         static const struct sock_fprog callgate_prog = {\n\
         \t.len = sizeof(callgate_filter) / sizeof(callgate_filter[0]),\n\
         \t.filter = (struct sock_filter *)callgate_filter,\n};\n",
    );
    out
}

/// An array in Rust.
pub(crate) fn rust(program: &Program) -> String {
    let mut out = format!(
        "// Made by callgate compile.\n\n/// Instructions for seccomp(2), as `struct sock_fprog` points to.\n\
         pub const FILTER: [libc::sock_filter; {}] = [\n",
        program.insns().len()
    );
    for line in lines(program, None) {
        let Insn { code, jt, jf, k } = line.insn;
        let _ = writeln!(out, "    // {}", comment(&line));
        let _ = writeln!(
            out,
            "    libc::sock_filter {{ code: {code:#06x}, jt: {jt:#04x}, jf: {jf:#04x}, k: {k:#010x} }},"
        );
    }
    out.push_str("];\n");
    out
}

fn comment(line: &Line) -> String {
    let note = line.note.as_ref().map(|note| format!(" # {note}")).unwrap_or_default();
    format!("{:04}: {}{note}", line.index, line.text)
}
