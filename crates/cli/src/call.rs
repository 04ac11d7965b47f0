//! A call as the user writes it.

use callgate_core::args::{self, ParseError};
use callgate_core::{Arch, Call, suggest, sysno};

use crate::exit::Failure;

/// The call that is asked about: its name or number, and up to six arguments; those left out are 0.
pub(crate) fn read(arch: Arch, call: &str, values: &[String]) -> Result<Call, Failure> {
    let (nr, name) = match args::number(call).map(u32::try_from) {
        Some(Ok(nr)) => (nr, sysno::name(arch, nr)),
        Some(Err(_)) => {
            return Err(Failure::new(format!("`{call}` is no number of a call")).hint("it has 32 bits"));
        }
        None => {
            let name = sysno::canonical(call);
            let nr = name.and_then(|name| sysno::number(arch, name)).ok_or_else(|| unknown(arch, call))?;
            (nr, name)
        }
    };
    let (token, raw) = arch.raw(nr);
    if Arch::split(token, raw) != Some((arch, nr)) {
        return Err(Failure::new(format!("no call of {arch} has the number {nr:#x}"))
            .hint("bit 30 tells numbers of x32 from those of x86_64; it is not part of either"));
    }
    let mut read = [0; 6];
    for (index, (value, text)) in read.iter_mut().zip(values).enumerate() {
        *value = argument(arch, name, index, text)?;
    }
    Ok(Call::new(arch, nr, read))
}

fn unknown(arch: Arch, name: &str) -> Failure {
    let failure = Failure::new(format!("`{name}` is no system call of {arch}"));
    match suggest::nearest(name, sysno::table(arch).iter().map(sysno::Entry::name)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("`callgate syscalls --arch {arch}` lists them")),
    }
}

/// One argument. A filter may look at registers the call does not use, so those take numbers, too.
fn argument(arch: Arch, name: Option<&str>, index: usize, text: &str) -> Result<u64, Failure> {
    let plain = args::number(text);
    match name.map(|name| args::parse_value(arch, name, index, text)) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error @ ParseError::TooMany { .. })) => plain.ok_or_else(|| Failure::new(error.to_string())),
        Some(Err(error @ (ParseError::UnknownValue { .. } | ParseError::TooLarge { .. }))) => {
            Err(Failure::new(error.to_string()))
        }
        _ => plain.ok_or_else(|| {
            Failure::new(format!("`{text}` is no number"))
                .hint("names of values need a call whose arguments are known")
        }),
    }
}
