//! One run: every file looked at, side by side; then what only shows across files; then the reports.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callgate_check::lint::{
    FileReport, Finding, Finished, Folder, Ignore, Input, Kind, Looked, Options, finish, join, look,
};

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
pub(crate) fn run(files: &[Loaded], folders: &[Folder], options: &Options, config: &Config) -> Ran {
    let looked: Vec<(String, Looked)> = in_parallel(files, |file| {
        let input = Input { name: &file.source.name, text: &file.text, named: file.source.named };
        let mut looked = look(input, options);
        // Standard input has the path that its name says.
        let Source { path, name, .. } = &file.source;
        let path = if path == Path::new("-") { Path::new(name) } else { path };
        for known in looked.profiles.iter_mut().filter(|known| known.value.is_none()) {
            known.path = files::comparable(path);
        }
        (file.source.name.clone(), looked)
    });
    let read = |index: usize| files.get(index).map(|file| file.text.to_string());
    let mut more: Vec<Vec<Finding>> = vec![Vec::new(); files.len()];
    for (file, finding) in join(&looked, folders, options, &read).findings {
        more[file].push(finding);
    }
    let parts = files.iter().zip(looked).zip(more);
    let finished = in_parallel(parts, |((file, (_, looked)), more)| {
        let is_something = looked.kind != Kind::Other || !looked.findings.is_empty();
        is_something.then(|| finished(file, (looked, more), options, config))
    });
    let mut ran =
        Ran { reports: Vec::new(), of: Vec::new(), suppressed: 0, used: vec![false; config.ignores.len()] };
    for (index, (finished, ignores)) in
        finished.into_iter().enumerate().filter_map(|(index, one)| Some((index, one?)))
    {
        ran.suppressed += finished.suppressed;
        ignores.into_iter().zip(finished.used).for_each(|(at, used)| ran.used[at] |= used);
        ran.reports.push(finished.report);
        ran.of.push(index);
    }
    ran
}

/// A file's report, and which of the configuration's ignores are for it.
fn finished(
    file: &Loaded,
    found: (Looked, Vec<Finding>),
    options: &Options,
    config: &Config,
) -> (Finished, Vec<usize>) {
    let (at, ignores): (Vec<usize>, Vec<Ignore>) = (config.ignores.iter().enumerate())
        .filter(|(_, (globs, _))| files::is_matched(globs, &file.source.path))
        .map(|(at, (_, ignore))| (at, ignore.clone()))
        .unzip();
    (finish((&file.source.name, &file.text), found, &ignores, (&config.policy, options)), at)
}

/// Does something with each of many, on all processors, and gives the results in their order.
pub(crate) fn in_parallel<T: Send, R: Send>(
    items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator + Send>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = items.into_iter();
    let count = items.len();
    // The answer is read from files of cgroups: one item does not wait for it.
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if count < 2 { count } else { processors().min(count) };
    if workers < 2 {
        return items.map(work).collect();
    }
    let next = Mutex::new(items.enumerate());
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut own = Vec::new();
                loop {
                    let item = locked(&next).next();
                    let Some((index, item)) = item else { break };
                    own.push((index, work(item)));
                }
                locked(&done).append(&mut own);
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
