//! `bench container`: learning a program in a container, against learning the same program on the host.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::figures::{Figure, Judged, in_turns, middle};
use super::scratch::Scratch;
use super::stats::Estimate;
use super::workload::time;

/// Rounds of the program: a few seconds of work, beside which the start of three containers, a constant, is a small part.
const ROUNDS: u32 = 24;
/// Bytes that each round compresses.
const DATA: usize = 4 << 20;

/// Where the program runs.
#[derive(Clone, Copy, Debug)]
enum Place {
    Host,
    Container,
}

/// The figure. Needs root, busybox and runc.
pub(super) fn measure(callgate: &Path, pairs: usize) -> anyhow::Result<Vec<Figure>> {
    let bench = Bench::prepare(callgate)?;
    eprintln!("measuring: container");
    let runs = in_turns([Place::Host, Place::Container], pairs, |place| bench.learn(place))?;
    let ratios: Vec<f64> = runs.iter().map(|[host, container]| container / host).collect();
    Ok(vec![Figure {
        what: "`learn` of a busybox script with compression, pipes and listings: under runc, against on the host",
        bar: 1.20,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("host", middle(&runs, 0)), ("container", middle(&runs, 1))],
    }])
}

/// A root file system, in a directory that goes with this value.
struct Bench {
    dir: Scratch,
    callgate: PathBuf,
}

impl Bench {
    fn prepare(callgate: &Path) -> anyhow::Result<Self> {
        let bench = Self { dir: Scratch::new()?, callgate: callgate.to_owned() };
        let bin = bench.dir.join("root/bin");
        fs::create_dir_all(&bin)?;
        fs::copy("/bin/busybox", bin.join("busybox")).context("cannot copy /bin/busybox (busybox-static)")?;
        for applet in ["sh", "gzip", "wc", "ls"] {
            symlink("busybox", bin.join(applet))?;
        }
        // Something that compresses, and not to nothing.
        let data: Vec<u8> = (0..DATA).map(|i| (i * i / 7) as u8).collect();
        fs::write(bench.dir.join("root/data"), data)?;
        Ok(bench)
    }

    /// Seconds that recording and proving take: three runs. The same binary, script and files in both places.
    fn learn(&self, place: Place) -> anyhow::Result<f64> {
        let script = format!(
            "i=0; while [ $i -lt {ROUNDS} ]; do bin/gzip -c data | bin/wc -c; bin/ls -l bin; i=$((i + 1)); done"
        );
        let mut command = Command::new(&self.callgate);
        command.args(["--quiet", "learn", "--force", "-o", "../p.json"]);
        match place {
            Place::Host => command.args(["--", "bin/sh", "-c", &script]),
            Place::Container => {
                command.args(["--rootfs", ".", "--runtime", "runc", "--", "/bin/sh", "-c", &script])
            }
        };
        command.current_dir(self.dir.join("root")).stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null());
        time(&mut command)
    }
}
