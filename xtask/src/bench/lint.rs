//! `bench lint`: what it takes to look at a repository, against reading and parsing it.
//!
//! The other side is an example of `callgate-check`, which parses the same files on as many threads.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::figures::{Figure, Judged, STARTS, in_turns, middle};
use super::scratch::Scratch;
use super::stats::Estimate;
use super::workload::{self, Workload};

/// So many profiles, and as many manifests.
const FILES: usize = 1000;
/// What lint may take beside three times its input.
const SPARE: f64 = 20e6;

/// All figures.
pub(super) fn measure(root: &Path, pairs: usize) -> anyhow::Result<Vec<Figure>> {
    let callgate = workload::build(root)?;
    let example = workload::example(root, "callgate-check", "lint")?;
    let dir = Scratch::new()?;
    let input = fill(&callgate, dir.path())?;
    let folder = dir.path().display().to_string();
    Ok(vec![
        repository((&callgate, &example), &folder, pairs)?,
        one_file(&callgate, dir.path(), pairs)?,
        memory(&callgate, &folder, (input, pairs))?,
    ])
}

/// Profiles of the size of Docker's, no two of them equal, and manifests; returns how many bytes they are.
fn fill(callgate: &Path, dir: &Path) -> anyhow::Result<usize> {
    let out = Command::new(callgate).args(["default", "docker", "-q"]).stderr(Stdio::inherit()).output()?;
    ensure!(out.status.success(), "callgate default failed: {}", out.status);
    let profile: Value = serde_json::from_slice(&out.stdout).context("the default is no JSON")?;
    let mut bytes = 0;
    for at in 0..FILES {
        let mut own = profile.clone();
        // A person's profile has one name per line, and each has a call of its own left out.
        let names = own["syscalls"][0]["names"].as_array_mut().context("the default has no names")?;
        names.remove(at % names.len());
        let text = serde_json::to_string_pretty(&own)?;
        let manifest = manifest(at);
        bytes += text.len() + manifest.len();
        fs::write(dir.join(format!("profile-{at}.json")), text)?;
        fs::write(dir.join(format!("pod-{at}.yaml")), manifest)?;
    }
    Ok(bytes)
}

fn manifest(at: usize) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-{at}\n  labels:\n    app.kubernetes.io/name: web\n    app.kubernetes.io/instance: web-{at}\n\
         spec:\n  securityContext:\n    runAsNonRoot: true\n    seccompProfile:\n      type: RuntimeDefault\n  containers:\n  - name: app\n\
         \x20   image: registry.example/web:{at}\n    args: [\"--port\", \"8080\"]\n    ports:\n    - containerPort: 8080\n    env:\n    - name: LEVEL\n\
         \x20     value: \"info\"\n    resources:\n      limits:\n        memory: 128Mi\n        cpu: 500m\n    securityContext:\n\
         \x20     allowPrivilegeEscalation: false\n      readOnlyRootFilesystem: true\n      capabilities:\n        drop: [\"ALL\"]\n"
    )
}

fn repository(programs: (&Path, &Path), folder: &str, pairs: usize) -> anyhow::Result<Figure> {
    let (callgate, example) = programs;
    let words = ["lint", "--quiet", "--fail-on", "never", "--format", "json", folder];
    let ways = [(example, &[folder][..]), (callgate, &words[..])];
    let runs = in_turns(ways, pairs, |(program, args)| Workload::start(program, args, 1))?;
    let ratios: Vec<f64> = runs.iter().map(|[them, us]| us / them).collect();
    Ok(Figure {
        what: "1,000 profiles of the size of Docker's and 1,000 Pods: `callgate lint`, against reading and parsing them with serde on as many threads",
        bar: 8.0,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("serde", middle(&runs, 0)), ("lint", middle(&runs, 1))],
    })
}

fn one_file(callgate: &Path, dir: &Path, pairs: usize) -> anyhow::Result<Figure> {
    let profile = dir.join("profile-0.json").display().to_string();
    let words = ["lint", "--quiet", "--fail-on", "never", &profile];
    let programs = [(Path::new("/bin/true"), &[][..]), (callgate, &words[..])];
    let runs = in_turns(programs, pairs, |(program, args)| Workload::start(program, args, STARTS))?;
    let ratios: Vec<f64> = runs.iter().map(|[them, us]| us / them).collect();
    Ok(Figure {
        what: "`callgate lint` of one of these profiles, whole process, against `/bin/true`",
        bar: 5.0,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: vec![("/bin/true", middle(&runs, 0)), ("lint", middle(&runs, 1))],
    })
}

fn memory(callgate: &Path, folder: &str, (input, pairs): (usize, usize)) -> anyhow::Result<Figure> {
    let peaks = (0..pairs).map(|_| peak(callgate, folder)).collect::<anyhow::Result<Vec<f64>>>()?;
    let allowed = 3.0 * input as f64 + SPARE;
    let ratios: Vec<f64> = peaks.iter().map(|peak| peak / allowed).collect();
    Ok(Figure {
        what: "the same repository: peak memory, against three times the input and 20 MB",
        bar: 1.0,
        judged: Judged::Median,
        ratio: Estimate::of(&ratios),
        times: Vec::new(),
    })
}

/// The largest memory a process had, in bytes: the kernel keeps the high-water mark, so the last look is the one that counts.
fn peak(callgate: &Path, folder: &str) -> anyhow::Result<f64> {
    let words = ["lint", "--quiet", "--fail-on", "never", "--format", "json", folder];
    let mut child = Command::new(callgate).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let mut kibibytes = 0.0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kibibytes = number.unwrap_or(kibibytes);
    }
    ensure!(kibibytes > 0.0, "the process ended before its memory could be read");
    Ok(kibibytes * 1024.0)
}
