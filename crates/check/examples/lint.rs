//! What lint's speed is held against, for `cargo xtask bench lint`: the same files, read and parsed into values by serde, on as
//! many threads as there are processors. Not a part of the library: here files are read.
//!
//! `lint DIR`: every *.json and *.yaml in it, once.

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args().nth(1).ok_or("usage: lint DIR")?;
    let files: Vec<PathBuf> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if parse(path).is_none() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if failed.into_inner() > 0 { Err("a file cannot be read".into()) } else { Ok(()) }
}

fn parse(path: &PathBuf) -> Option<()> {
    let text = fs::read_to_string(path).ok()?;
    let json = path.extension().is_some_and(|extension| extension == "json");
    let value: Value =
        if json { serde_json::from_str(&text).ok()? } else { serde_saphyr::from_str(&text).ok()? };
    black_box(value);
    Some(())
}
