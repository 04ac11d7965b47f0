//! `callgate lint`: profiles, manifests and pipelines, looked at by rules.

use std::path::{Path, PathBuf};

use callgate_check::lint::{FileReport, Folder, Input, Options, look};
use callgate_check::report::{Format, Style, render};
use callgate_core::Severity;
use callgate_linux::file::Output as File;

use super::{print, rule};
use crate::cli::{Lint, Threshold};
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::lint::config::{self, Config};
use crate::lint::files::{self, Source};
use crate::lint::run::{Loaded, Ran, in_parallel, run};
use crate::lint::{baseline, mend, today};
use crate::output::{Output, counted, foreign};
use crate::parse;

/// Lints.
pub(crate) fn run_verb(args: &mut Lint, output: &Output) -> Outcome {
    let config = config::read(args)?;
    let formats = formats(&args.format)?;
    let options = options(args, output)?;
    let folder = |path: &PathBuf| Folder { name: input::name(path), path: files::comparable(path) };
    let folders: Vec<Folder> = args.profiles.iter().map(folder).collect();
    if let Some(folder) = args.profiles.iter().find(|folder| !folder.is_dir()) {
        return Err(Failure::new(format!("--profiles: `{}` is no folder", folder.display())));
    }
    let (files, unread) = load(args, &config, output)?;
    if files.is_empty() && !unread {
        return Err(nothing(args));
    }
    let mending = args.fix || args.unsafe_fixes || args.diff;
    let mut mended = if mending { files.clone() } else { Vec::new() };
    let (mut ran, made) = if mending {
        mend::mend(&mut mended, &folders, (&options, &config), args.unsafe_fixes)
    } else {
        (run(&files, &folders, &options, &config), 0)
    };
    if ran.reports.is_empty() && !unread {
        return Err(nothing(args));
    }
    if args.diff {
        let shown = show(args, &mend::difference(&files, &mended), &mut ran, output)?;
        return Ok(if unread { Exit::Failed } else { shown });
    }
    if mending {
        let written = mend::write(&files, &mended)?;
        output.say(&format!(
            "made {} in {}",
            counted(made as u64, "change"),
            counted(written as u64, "file")
        ));
    }
    tell_unused(&config, &ran, output);
    if let Some(path) = &args.write_baseline {
        let files: Vec<_> = formats.into_iter().filter(|(_, file)| file.is_some()).collect();
        write(&files, &ran.reports, output)?;
        let count = baseline::write(path, &ran.reports)?;
        output.say(&format!(
            "wrote {}: {}",
            foreign(&path.display().to_string()),
            counted(count as u64, "finding")
        ));
        return Ok(if unread { Exit::Failed } else { Exit::Ok });
    }
    let found = report(args, &formats, &mut ran, output)?;
    Ok(if unread { Exit::Failed } else { found })
}

/// Writes the reports, and says whether what they hold is a failure.
fn report(args: &Lint, formats: &[(Format, Option<String>)], ran: &mut Ran, output: &Output) -> Outcome {
    let old = tell_baseline(args, ran, output)?;
    write(formats, &ran.reports, output)?;
    tell(ran, old, output);
    let failed = fails(&ran.reports, args.fail_on.unwrap_or(Threshold::Error));
    Ok(if failed { Exit::Findings } else { Exit::Ok })
}

/// Shows the changes; what no patch mends is as wrong as it was, and counted.
fn show(args: &Lint, difference: &str, ran: &mut Ran, output: &Output) -> Outcome {
    print(output, difference)?;
    let old = tell_baseline(args, ran, output)?;
    tell(ran, old, output);
    let wrong = !difference.is_empty() || fails(&ran.reports, args.fail_on.unwrap_or(Threshold::Error));
    Ok(if wrong { Exit::Findings } else { Exit::Ok })
}

fn nothing(args: &Lint) -> Failure {
    let paths: Vec<String> = args.paths.iter().map(|path| format!("`{}`", input::name(path))).collect();
    Failure::new(format!("there is no profile, manifest or pipeline in {}", paths.join(", ")))
        .hint("files are *.json, *.yaml and *.yml, but for those that git ignores; name one to have it looked at in any case")
        .exit(Exit::NoInput)
}

/// What rules are asked with.
fn options(args: &Lint, output: &Output) -> Result<Options, Failure> {
    let arch = args.arch.as_deref().map_or_else(input::native, parse::arch)?;
    let mut options = Options::new(arch, today());
    let targets = args.place.targets(arch)?;
    for unseen in targets.iter().filter_map(|target| target.runtime?.beyond()) {
        output.warn(&unseen);
    }
    if let Some(first) = targets.first() {
        options.machine = first.machine.clone();
        options.loader = (args.place.loader() != "oci").then_some(first.loader);
    }
    if args.place.is_named() || args.place.libseccomp.is_some() {
        // Who names no runtime, but what is in front of it or below it, means the usual ones there.
        let named = targets.iter().all(|target| target.runtime.is_some());
        options.targets = if named { targets } else { Options::usual(&targets) };
    }
    options.no_new_privs = args.place.nnp;
    options.pss = match &args.pss {
        Some(text) => Some(text.parse().map_err(|e| Failure::new(format!("--pss: {e}")))?),
        None => None,
    };
    Ok(options)
}

/// Reads what is to be looked at. What cannot be read is said, and the others are gone on with: then the second is true.
fn load(args: &Lint, config: &Config, output: &Output) -> Result<(Vec<Loaded>, bool), Failure> {
    let sources = files::find(&args.paths, &args.profiles, &config.exclude, args.stdin_filename.as_deref())?;
    let mut unread = false;
    let mut files = Vec::new();
    let read: Vec<Result<Loaded, Failure>> = in_parallel(sources, |source| {
        let text = input::bytes(&source.path).and_then(|bytes| text(&source, bytes))?;
        // What stands in a folder of profiles and says nothing was to be one.
        let named = source.named || (is_blank(&text) && files::is_in(&source.path, &args.profiles));
        Ok(Loaded { source: Source { named, ..source }, text: text.into() })
    });
    for loaded in read {
        match loaded {
            Ok(file) => files.push(file),
            Err(failure) => {
                output.error(&failure.message, failure.hint.as_deref());
                unread = true;
            }
        }
    }
    Ok((files, unread))
}

fn is_blank(text: &str) -> bool {
    matches!(text.trim_start_matches('\u{feff}').trim(), "" | "{}" | "[]" | "null")
}

fn text(source: &Source, bytes: Vec<u8>) -> Result<String, Failure> {
    if source.named {
        return Ok(input::text_of(&source.path, bytes)?.text);
    }
    let name = &source.name;
    String::from_utf8(bytes).map_err(|e| {
        Failure::new(format!("cannot read `{name}`: not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
    })
}

/// Formats, and the files that they are written to.
fn formats(named: &[String]) -> Result<Vec<(Format, Option<String>)>, Failure> {
    let read = |text: &String| {
        let (format, file) = text.split_once('=').map_or((text.as_str(), None), |(f, file)| (f, Some(file)));
        let format = format.parse::<Format>().map_err(|e| Failure::new(format!("--format: {e}")))?;
        Ok((format, file.map(str::to_owned)))
    };
    let mut found: Vec<(Format, Option<String>)> = named.iter().map(read).collect::<Result<_, Failure>>()?;
    if found.iter().filter(|(_, file)| file.is_none()).count() > 1 {
        return Err(Failure::new("only one format can go to standard output")
            .hint("write the others to files: FORMAT=FILE"));
    }
    for (at, (_, file)) in found.iter().enumerate() {
        if let Some(file) = file.as_ref().filter(|_| found[..at].iter().any(|(_, other)| other == file)) {
            return Err(Failure::new(format!("--format: two formats cannot both go to `{file}`")));
        }
    }
    if found.iter().all(|(_, file)| file.is_some()) {
        found.insert(0, (Format::Full, None));
        // A runner shows these beside the lines of a pull request.
        if std::env::var("GITHUB_ACTIONS").is_ok_and(|set| set == "true") {
            found.insert(1, (Format::Github, None));
        }
    }
    Ok(found)
}

fn write(
    formats: &[(Format, Option<String>)],
    reports: &[FileReport],
    output: &Output,
) -> Result<(), Failure> {
    for (format, file) in formats {
        let style = Style { color: file.is_none() && output.colors_data(), width: output.width() };
        let text = render(*format, reports, &rule::info, style);
        match file {
            None => print(output, &text).map(|_done| ())?,
            Some(file) => File::prepare(Path::new(file), true, 0o644)?.write(text.as_bytes())?,
        }
    }
    Ok(())
}

fn tell_baseline(args: &Lint, ran: &mut Ran, output: &Output) -> Result<usize, Failure> {
    let Some(path) = &args.baseline else { return Ok(0) };
    let (old, gone) = baseline::apply(path, &mut ran.reports)?;
    if gone > 0 {
        let path = foreign(&path.display().to_string());
        let what = if gone == 1 { "1 finding it lists is" } else { &format!("{gone} findings it lists are") };
        output.warn(&format!(
            "{path}: {what} gone; write it anew, if all was looked at that it was written of"
        ));
    }
    Ok(old)
}

/// Ignores of the configuration that kept nothing quiet.
fn tell_unused(config: &Config, ran: &Ran, output: &Output) {
    let path = config.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let unused = config.ignores.iter().zip(&ran.used).filter(|(_, used)| !**used);
    for ((_, ignore), _) in unused {
        let expired = ignore.until.as_ref().is_some_and(|until| until.as_str() < today().as_str());
        let why = if expired { "its day has passed" } else { "there is nothing for it to suppress" };
        output.warn(&format!("{}: ignore of {}: {why}", foreign(&path), ignore.codes.join(", ")));
    }
}

/// The last line: how many, and what can be done.
fn tell(ran: &Ran, old: usize, output: &Output) {
    let all = || ran.reports.iter().flat_map(|report| &report.findings).map(|located| &located.finding);
    let files = counted(ran.reports.len() as u64, "file");
    let count = |severity: Severity| all().filter(|finding| finding.severity == severity).count() as u64;
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let counts = severities.map(|s| (count(s), s.name())).into_iter().filter(|(n, _)| *n > 0);
    let mut parts: Vec<String> = counts.map(|(n, name)| counted(n, name)).collect();
    if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    let fixes = |safe: bool| all().filter(|f| f.fix.as_ref().is_some_and(|fix| fix.safe == safe)).count();
    let mut more = Vec::new();
    let mut say = |n: usize, what: String| more.extend((n > 0).then_some(what));
    say(fixes(true), format!("{} by --fix", fixes(true)));
    say(fixes(false), format!("{} by --unsafe-fixes", fixes(false)));
    let mended =
        if more.is_empty() { String::new() } else { format!("; can be mended: {}", more.join(", ")) };
    let mut quiet = Vec::new();
    let mut say = |n: usize, what: String| quiet.extend((n > 0).then_some(what));
    say(ran.suppressed, format!("{} suppressed", ran.suppressed));
    say(old, format!("{old} in the baseline"));
    let quiet = if quiet.is_empty() { String::new() } else { format!(" ({})", quiet.join(", ")) };
    output.say(&format!("{files}: {}{quiet}{mended}", parts.join(", ")));
    if all().next().is_some() {
        output.say("`callgate rule CODE` says more about a finding");
    }
}

fn fails(reports: &[FileReport], threshold: Threshold) -> bool {
    let least = match threshold {
        Threshold::Error => Severity::Error,
        Threshold::Warning => Severity::Warning,
        Threshold::Note => Severity::Note,
        Threshold::Never => return false,
    };
    reports.iter().flat_map(|report| &report.findings).any(|located| located.finding.severity >= least)
}

/// What lint finds in a profile that was just made: codes, sorted, each once.
pub(crate) fn codes_of(name: &str, text: &str) -> Vec<&'static str> {
    let Ok(arch) = input::native() else { return Vec::new() };
    let looked = look(Input { name, text, named: true }, &Options::new(arch, today()));
    let codes: std::collections::BTreeSet<_> = looked.findings.iter().map(|finding| finding.code).collect();
    codes.into_iter().collect()
}
