//! The only place that prints. Data goes to stdout, talk to stderr; foreign text is escaped; colour never carries
//! meaning.

use std::io::{self, IsTerminal, Write};

pub(crate) use callgate_core::foreign::foreign;

use crate::cli::ColorChoice;

/// Where and how to print.
pub(crate) struct Output {
    color: bool,
    quiet: bool,
    width: usize,
    terminal: bool,
    /// Whether colour is wanted wherever output goes.
    forced: bool,
}

/// Emphasis on stderr. Every use also stands in words.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Bold,
    Good,
    Bad,
}

impl Output {
    /// Decides about colour (flag, then `NO_COLOR`, `CLICOLOR_FORCE`, then the terminal) and width (`COLUMNS`, then
    /// the terminal, then 80).
    pub(crate) fn new(choice: ColorChoice, quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR") => false,
            ColorChoice::Auto => terminal || set("CLICOLOR_FORCE"),
        };
        Self { color, quiet, width: columns(), terminal, forced: choice == ColorChoice::Always }
    }

    /// Columns there are.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Whether stderr is a terminal and talking is wanted.
    pub(crate) fn live(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// Whether data is coloured: on a terminal, or where it is asked for.
    pub(crate) fn colors_data(&self) -> bool {
        self.color && io::stdout().is_terminal() || self.forced
    }

    /// Text in a style, if colour is on.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Good => "32",
            Style::Bad => "31",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Writes data to stdout. A closed pipe is no error of ours; a full disk is.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Writes raw data to stdout.
    #[expect(
        clippy::unused_self,
        reason = "printing goes through an Output, so that nothing prints beside it"
    )]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Passes bytes of the program on to stdout: whether anybody still reads.
    #[expect(
        clippy::unused_self,
        reason = "printing goes through an Output, so that nothing prints beside it"
    )]
    pub(crate) fn pass(&self, bytes: &[u8]) -> io::Result<bool> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Says something on stderr, unless quiet.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Says something on stderr even when quiet: errors and what they need.
    #[expect(
        clippy::unused_self,
        reason = "printing goes through an Output, so that nothing prints beside it"
    )]
    pub(crate) fn line(&self, text: &str) {
        // When stderr is gone there is nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes to stderr without a line end: the status line, or the program's own output passing through.
    #[expect(
        clippy::unused_self,
        reason = "printing goes through an Output, so that nothing prints beside it"
    )]
    pub(crate) fn raw_stderr(&self, bytes: &[u8]) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
    }

    /// `error: …`, and the hint on a line of its own after a blank.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.line(&format!("{} {}", self.paint(Style::Bad, "error:"), foreign(message)));
        if let Some(hint) = hint {
            self.line(&format!("\n{} {}", self.paint(Style::Bold, "hint:"), foreign(hint)));
        }
    }

    /// `warning: …`.
    pub(crate) fn warn(&self, message: &str) {
        self.say(&format!("{} {}", self.paint(Style::Bold, "warning:"), foreign(message)));
    }
}

/// Columns there are: `COLUMNS`, then the terminal, then 80.
pub(crate) fn columns() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok().map(|s| usize::from(s.ws_col));
    said.or(size).filter(|w| *w >= 20).unwrap_or(80)
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Breaks words into lines of at most `width` columns; the first keeps its own indent, the later ones get `indent`.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let own = text.len() - text.trim_start_matches(' ').len();
    let mut lines = vec![text[..own].to_owned()];
    let mut empty = true;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let used = lines.last().map_or(0, |l| l.chars().count());
        if !empty && used + 1 + word.chars().count() > width {
            lines.push(indent.to_owned());
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_fit() {
        let text = wrap("  one two three four five six", 12, "    ");
        assert_eq!(text, "  one two\n    three\n    four\n    five six");
    }
}
