//! What stands at the end of the help: exit codes, and every environment variable callgate reads.

/// Name and effect.
pub(crate) const VARIABLES: [(&str, &str); 5] = [
    ("NO_COLOR", "set and not empty: no colour (no-color.org)"),
    ("CLICOLOR_FORCE", "set and not empty: colour even when stderr is no terminal"),
    ("COLUMNS", "width to wrap at; otherwise the terminal's, otherwise 80"),
    ("PATH", "where commands are looked for"),
    ("SUDO_UID, SUDO_GID", "as root: who owns what is written"),
];

/// Every exit code, in two lines.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 ok or proven · 1 findings, or written but not proven · 2 usage, I/O, nothing written · 3 no input · 70 a \
bug. run and record pass the command's own status (125/126/127 as env(1)).";

/// What the long help ends with.
pub(crate) fn long_help() -> String {
    let width = VARIABLES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        VARIABLES.iter().map(|(name, what)| format!("  {name:width$}  {what}")).collect();
    format!("{EXIT_CODES}\n\nEnvironment:\n{}", lines.join("\n"))
}
