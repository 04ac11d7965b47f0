//! `callgate equiv`: whether two profiles or filters do the same with every call.

use std::fmt::Write as _;
use std::path::Path;

use callgate_bpf::prove::{Difference, equal};
use callgate_bpf::{Proof, prove};
use callgate_check::{By, Target};
use callgate_core::verdict::{Decided, verdict};
use callgate_core::{Arch, Call, SeccompData};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Equiv, Format};
use crate::exit::{Exit, Failure, Outcome};
use crate::filter::{self, Any, Place};
use crate::output::{Output, foreign};
use crate::{input, parse, witness};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// `equal`, `different` or `undecided`.
    result: &'static str,
    /// A call that is treated differently; null unless that was found.
    witness: Option<Witness>,
    /// Why it is undecided; null unless it is.
    why: Option<String>,
}

#[derive(Serialize)]
struct Witness {
    call: String,
    /// `AUDIT_ARCH_*`
    arch: u32,
    nr: u32,
    args: [u64; 6],
    /// Where it is made; 0 where that does not matter.
    instruction_pointer: u64,
    left: Side,
    right: Side,
}

#[derive(Serialize)]
struct Side {
    /// As in `sim`.
    action: &'static str,
    errno: Option<u16>,
    /// `SECCOMP_RET_*` with its data.
    ret: String,
    /// The line of the profile that decides, counted from 1; null in a filter, and where no rule does.
    line: Option<usize>,
}

/// Compares.
pub(crate) fn run(args: &Equiv, output: &Output) -> Outcome {
    if args.left == Path::new("-") && args.right == Path::new("-") {
        return Err(Failure::new("both cannot be standard input").hint("name a file for one of them"));
    }
    let native = match &args.arch {
        Some(name) => Some(parse::arch(name)?),
        None => Arch::native(),
    };
    let targets = targets(args, native)?;
    let place = |side: usize| match (targets.get(side).or(targets.first()), native) {
        (Some(target), _) => Place::Target(target),
        (None, Some(native)) => Place::On(native),
        (None, None) => Place::Raw(input::native),
    };
    let left = filter::at(&args.left, &place(0), output)?;
    let right = filter::at(&args.right, &place(1), output)?;
    let proof = compare(&left, &right);
    let document = document(&proof, (&left, &right), native);
    let exit = match proof {
        Proof::Equal => Exit::Ok,
        Proof::Differs(_) => Exit::Findings,
        Proof::Undecided(_) => Exit::Failed,
    };
    if args.format == Format::Json {
        print_json(output, &document)?;
    } else {
        print(output, &text(&document, (&input::name(&args.left), &input::name(&args.right)), &proof))?;
    }
    Ok(exit)
}

/// Where the two are used: nowhere, in one place, or each in its own.
fn targets(args: &Equiv, native: Option<Arch>) -> Result<Vec<Target>, Failure> {
    if !args.place.is_named() {
        return Ok(Vec::new());
    }
    let targets = args.place.targets(native.map_or_else(input::native, Ok)?)?;
    if targets.len() > 2 {
        return Err(
            Failure::new("there are two sides, and more runtimes").hint("name one, or one for each side")
        );
    }
    Ok(targets)
}

/// A filter of a profile was proven to be that, so that holding the other one against the meaning is enough.
fn compare(left: &Any, right: &Any) -> Proof {
    match (&left.profile, &right.profile) {
        (_, Some((_, meaning))) => prove(&left.program, meaning),
        (Some((_, meaning)), None) => match prove(&right.program, meaning) {
            Proof::Differs(Difference { data, left, right }) => {
                Proof::Differs(Difference { data, left: right, right: left })
            }
            other => other,
        },
        (None, None) => equal(&left.program, &right.program),
    }
}

fn document(proof: &Proof, (left, right): (&Any, &Any), native: Option<Arch>) -> Document {
    let (result, witness, why) = match proof {
        Proof::Equal => ("equal", None, None),
        Proof::Differs(found) => ("different", Some(found), None),
        Proof::Undecided(why) => ("undecided", None, Some(why.to_string())),
    };
    let witness = witness.map(|found| Witness {
        call: witness::call(&found.data),
        arch: found.data.arch,
        nr: found.data.nr,
        args: found.data.args,
        instruction_pointer: found.data.instruction_pointer,
        left: side(found.left, left, &found.data, native),
        right: side(found.right, right, &found.data, native),
    });
    Document { schema: "callgate.dev/equiv/v1", result, witness, why }
}

fn side(action: callgate_core::Action, of: &Any, data: &SeccompData, native: Option<Arch>) -> Side {
    let by_rule = |call: &Call| match (&of.resolved, &of.profile, native) {
        (Some(resolved), ..) => match resolved.fate(call).by {
            By::Rule { line, .. } => Some(line),
            _ => None,
        },
        (None, Some((loaded, _)), Some(native)) => match verdict(&loaded.profile, call, native).decided {
            Decided::Rule { line, .. } => Some(line),
            _ => None,
        },
        _ => None,
    };
    let line = data.to_call().as_ref().and_then(by_rule);
    Side { action: action.oci(), errno: action.errno(), ret: format!("{:#010x}", action.to_ret()), line }
}

fn text(document: &Document, (left, right): (&str, &str), proof: &Proof) -> String {
    let (left, right) = (foreign(left), foreign(right));
    match (proof, &document.witness) {
        (Proof::Differs(found), Some(witness)) => {
            let mut out = format!("different: {}\n", foreign(&witness.call));
            let sides = [(&left, found.left, &witness.left), (&right, found.right, &witness.right)];
            for (name, action, side) in sides {
                let line = side.line.map(|line| format!(":{line}")).unwrap_or_default();
                let _ = writeln!(out, "  {name}{line}: {action}");
            }
            out
        }
        (Proof::Undecided(why), _) => format!("undecided whether {left} and {right} are equal: {why}\n"),
        _ => format!("equal: {left} and {right} do the same with every call\n"),
    }
}
