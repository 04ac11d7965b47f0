//! One run: every file looked at, side by side; then what only shows across files; then the reports.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use callgate_check::lint::{FileReport, Finding, Ignore, Input, Kind, Looked, Options, finish, join, look};

use super::config::Config;
use super::files::{self, Source};

/// A file with its text.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) source: Source,
    /// Shared with the report on it: files may be large.
    pub(crate) text: Arc<str>,
}

/// What a run gave.
pub(crate) struct Ran {
    /// One report per file that was something, in the order of the files.
    pub(crate) reports: Vec<FileReport>,
    /// Which file each report is of.
    pub(crate) of: Vec<usize>,
    /// Findings that were kept quiet.
    pub(crate) suppressed: usize,
    /// Which of the configuration's ignores kept something quiet.
    pub(crate) used: Vec<bool>,
}

/// Runs the rules.
pub(crate) fn run(files: &[Loaded], folders: &[String], options: &Options, config: &Config) -> Ran {
    let looked: Vec<(String, Looked)> = in_parallel(files, |file| {
        let input = Input { name: &file.source.name, text: &file.text, named: file.source.named };
        (file.source.name.clone(), look(input, options))
    });
    let read = |index: usize| files.get(index).map(|file| file.text.to_string());
    let mut more: Vec<Vec<Finding>> = vec![Vec::new(); files.len()];
    for (file, finding) in join(&looked, folders, options, &read).findings {
        more[file].push(finding);
    }
    let mut ran =
        Ran { reports: Vec::new(), of: Vec::new(), suppressed: 0, used: vec![false; config.ignores.len()] };
    for (index, ((name, looked), more)) in looked.into_iter().zip(more).enumerate() {
        if looked.kind == Kind::Other && looked.findings.is_empty() {
            continue;
        }
        let path = &files[index].source.path;
        let (at, ignores): (Vec<usize>, Vec<Ignore>) = (config.ignores.iter().enumerate())
            .filter(|(_, (globs, _))| files::is_matched(globs, path))
            .map(|(at, (_, ignore))| (at, ignore.clone()))
            .unzip();
        let text = &files[index].text;
        let finished = finish((&name, text), (looked, more), &ignores, (&config.policy, options));
        ran.suppressed += finished.suppressed;
        at.into_iter().zip(finished.used).for_each(|(at, used)| ran.used[at] |= used);
        ran.reports.push(finished.report);
        ran.of.push(index);
    }
    ran
}

/// Does something with each of many, on all processors, and gives the results in their order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if processors == 1 || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..processors.min(items.len()) {
            scope.spawn(|| {
                let mut own = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    own.push((index, work(item)));
                }
                done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).append(&mut own);
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
