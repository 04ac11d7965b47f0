//! The build tool: everything a developer runs that is not the product.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a build tool talks to its developer")]

mod arm64;
mod bench;
mod dist;
mod floors;
mod generate;
mod metadata;
mod test;
mod tidy;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

const USAGE: &str = "\
usage: cargo xtask generate [--check]           data/** into const tables
       cargo xtask tidy                         the house rules no other tool checks
       cargo xtask test [--install] [--full]    the ladder of tests; --install brings the Debian packages it needs
       cargo xtask bench record|outside|import|container|filter|semantics|lint [--pairs N] [--write]
                                                the figures of docs/benchmarks.md
       cargo xtask floors [--runs N] [--classes] [--install]
                                                what runc and crun call below the filter, beside data/floors.toml; root
       cargo xtask arm64                        compiled for aarch64 by Debian's Rust, T0 under qemu-user; a large download
       cargo xtask dist [--check]               the release, into target/dist; --check makes a quick one and tries it";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one verb; `false` means that it ran and found something.
fn run() -> anyhow::Result<bool> {
    // Asked at run time: cargo takes a build of one checkout for that of another when they share a target directory.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let root = Path::new(&xtask).parent().context("xtask lies in no workspace")?;
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["generate"] => {
            for path in generate::write(root)? {
                eprintln!("wrote {path}");
            }
            Ok(true)
        }
        ["generate", "--check"] => generate::check(root).map(|()| true),
        ["tidy"] => tidy::run(root),
        ["test", flags @ ..] => test::run(root, flags),
        ["arm64", flags @ ..] => arm64::run(root, flags),
        ["dist", flags @ ..] => dist::run(root, flags),
        ["floors", flags @ ..] => floors::run(root, flags),
        ["bench", "record", flags @ ..] => bench::record(root, flags),
        ["bench", "outside", flags @ ..] => bench::outside(root, flags),
        ["bench", "import", flags @ ..] => bench::import(root, flags),
        ["bench", "container", flags @ ..] => bench::container(root, flags),
        ["bench", "filter", flags @ ..] => bench::filter(root, flags),
        ["bench", "semantics", flags @ ..] => bench::semantics(root, flags),
        ["bench", "lint", flags @ ..] => bench::lint(root, flags),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => bail!("no such verb: `{}`\n\n{USAGE}", args.join(" ")),
    }
}
