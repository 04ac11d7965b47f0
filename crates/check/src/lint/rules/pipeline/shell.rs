//! Scripts as a shell reads them, as far as rules ask (POSIX.1-2017, Shell Command Language, 2.2 and 2.3): pipelines of commands, and
//! words with their places. What is quoted is one word; comments and here-documents are none; what stands in `$(…)` is commands of
//! its own.

use std::collections::VecDeque;
use std::mem::take;

use super::super::super::embedded::is_literal;
use super::super::super::script::Script;
use super::command::{Command, Redirect, Word};

/// Deeper than this nobody nests commands; what is deeper is read as if it were beside.
const MAX_DEPTH: usize = 32;

/// The pipelines of a script, in their order; those in `$(…)` before the one that they are part of.
pub(super) fn pipelines(script: &Script<'_>) -> Vec<Vec<Command>> {
    let chars = value(script);
    let mut reader = Reader { chars: &chars, end: script.span.end, ..Reader::default() };
    while let Some(c) = reader.next() {
        if reader.level.quoted { reader.quoted(c) } else { reader.plain(c) }
    }
    while reader.close() {}
    reader.found
}

/// The value of a scalar of YAML, character by character, with where each stands (YAML 1.2.2, 7.3 and 8.1).
fn value(script: &Script<'_>) -> Vec<(usize, char)> {
    let (text, start) = (script.text, script.span.start);
    let source = text.get(script.span.clone()).unwrap_or_default();
    let before = text.get(..start).unwrap_or_default();
    // A block begins on a line of its own: quotes at its beginning are the shell's. What kind it is stands on the line before, and
    // no further back is looked: a pipeline may have many steps.
    let is_block = before.trim_end_matches(' ').ends_with('\n');
    let header = before.trim_end().rfind('\n').map_or(0, |at| at + 1);
    let literal = is_block && text.get(header..).is_some_and(|text| is_literal(text, start - header));
    let quote = source.chars().next().filter(|c| matches!(c, '"' | '\'') && !is_block);
    let inner = quote.and_then(|quote| source.trim_end().strip_prefix(quote)?.strip_suffix(quote));
    let start = start + usize::from(inner.is_some());
    let inner = inner.unwrap_or(source);
    let mut chars = inner.char_indices().peekable();
    let mut read = Vec::new();
    while let Some((at, c)) = chars.next() {
        let c = match (c, quote) {
            ('\n', _) if !literal => {
                let is_blank = inner[at + 1..].lines().next().is_some_and(|line| line.trim().is_empty());
                if is_blank { '\n' } else { ' ' }
            }
            ('\'', Some('\'')) => chars.next().map_or(c, |(_, c)| c),
            ('\\', Some('"')) => match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, '\n')) => {
                    while chars.next_if(|(_, c)| matches!(c, ' ' | '\t')).is_some() {}
                    continue;
                }
                next => next.map_or(c, |(_, c)| c),
            },
            _ => c,
        };
        read.push((start + at, c));
    }
    read
}

/// What is being read, at one depth of `$(…)`.
#[derive(Default)]
struct Level {
    /// What ends it.
    closer: Option<char>,
    /// Between `"` and `"`.
    quoted: bool,
    word: Option<Word>,
    /// What the next word is.
    redirect: Option<Redirect>,
    command: Command,
    pipeline: Vec<Command>,
}

#[derive(Default)]
struct Reader<'c> {
    chars: &'c [(usize, char)],
    at: usize,
    /// Where the script ends in the file.
    end: usize,
    level: Level,
    outer: Vec<Level>,
    /// The lines that end here-documents which begin on the next line.
    documents: VecDeque<String>,
    found: Vec<Vec<Command>>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|(_, c)| *c)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        self.peek().filter(|c| wanted(*c))?;
        self.next()
    }

    /// Where the character stands that is read next.
    fn place(&self) -> usize {
        self.chars.get(self.at).map_or(self.end, |(place, _)| *place)
    }

    /// The word that the character just read belongs to.
    fn word(&mut self) -> &mut Word {
        let start = self.chars[self.at - 1].0;
        let end = self.place();
        let redirect = self.level.redirect;
        let word =
            self.level.word.get_or_insert_with(|| Word { text: String::new(), span: start..end, redirect });
        word.span.end = end;
        word
    }

    fn push(&mut self, c: char) {
        self.word().text.push(c);
    }

    /// All up to a character, as it is.
    fn push_until(&mut self, last: char) {
        while let Some(c) = self.next().filter(|c| *c != last) {
            self.push(c);
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.level.word.take() else { return };
        self.level.redirect = None;
        match word.redirect {
            Some(Redirect::Document) => self.documents.push_back(word.text),
            _ => self.level.command.words.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.level.command.words.is_empty() {
            self.level.pipeline.push(take(&mut self.level.command));
        }
    }

    fn end_pipeline(&mut self) {
        self.end_command();
        if !self.level.pipeline.is_empty() {
            self.found.push(take(&mut self.level.pipeline));
        }
    }

    fn open(&mut self, closer: char) {
        if self.outer.len() >= MAX_DEPTH {
            return self.end_pipeline();
        }
        let inner = Level { closer: Some(closer), ..Level::default() };
        self.outer.push(std::mem::replace(&mut self.level, inner));
    }

    /// Goes on with what is around it; `false` if nothing is.
    fn close(&mut self) -> bool {
        self.end_pipeline();
        let outer = self.outer.pop();
        let is_inner = outer.is_some();
        self.level = outer.unwrap_or_default();
        is_inner
    }

    fn quoted(&mut self, c: char) {
        match c {
            '"' => {
                self.word();
                self.level.quoted = false;
            }
            '\\' => {
                if let Some(c) = self.next() {
                    self.push(c);
                }
            }
            '$' | '`' => self.substitution(c),
            c => self.push(c),
        }
    }

    fn substitution(&mut self, c: char) {
        match (c, self.peek()) {
            ('`', _) if self.level.closer == Some('`') => {
                self.close();
            }
            ('`', _) => self.open('`'),
            (_, Some('(')) => {
                self.word();
                self.at += 1;
                self.open(')');
            }
            (_, Some('{')) => {
                self.push(c);
                self.push_until('}');
            }
            _ => self.push(c),
        }
    }

    fn plain(&mut self, c: char) {
        match c {
            '\\' => match self.next() {
                Some('\n') | None => {}
                Some(c) => self.push(c),
            },
            '\'' => {
                self.word();
                self.push_until('\'');
                self.word();
            }
            '"' => {
                self.word();
                self.level.quoted = true;
            }
            '$' | '`' => self.substitution(c),
            '(' => self.open(')'),
            ')' if self.level.closer == Some(')') => {
                self.close();
            }
            '#' if self.level.word.is_none() => while self.next_if(|c| c != '\n').is_some() {},
            '|' if self.next_if(|c| c == '|').is_none() => self.pipe(),
            '&' if self.next_if(|c| c == '>').is_some() => {
                self.end_word();
                self.redirection('>', true);
            }
            ';' | '&' | ')' | '|' => self.end_pipeline(),
            '<' | '>' => self.redirection(c, false),
            '\n' => self.line_end(),
            c if c.is_whitespace() => self.end_word(),
            c => self.push(c),
        }
    }

    /// `|&` is short for `2>&1 |`.
    fn pipe(&mut self) {
        self.end_word();
        if self.next_if(|c| c == '&').is_some() {
            self.level.redirect = Some(Redirect::Errors);
            self.push('1');
        }
        self.end_command();
    }

    fn redirection(&mut self, c: char, mut errors: bool) {
        // A number before it is a descriptor.
        let number = self.level.word.take_if(|word| word.text.bytes().all(|b| b.is_ascii_digit()));
        errors |= number.is_some_and(|word| word.text == "2");
        self.end_word();
        let document = c == '<' && self.next_if(|c| c == '<').is_some() && self.peek() != Some('<');
        while self.next_if(|c| matches!(c, '<' | '>' | '&' | '|' | '-')).is_some() {}
        self.level.redirect = Some(match c {
            '<' if document => Redirect::Document,
            '<' => Redirect::Input,
            _ if errors => Redirect::Errors,
            _ => Redirect::Output,
        });
    }

    fn line_end(&mut self) {
        self.end_word();
        while let Some(last) = self.documents.pop_front() {
            let mut line = String::new();
            while line.trim() != last && self.peek().is_some() {
                line.clear();
                while let Some(c) = self.next().filter(|c| *c != '\n') {
                    line.push(c);
                }
            }
        }
        // Behind a `|` the pipeline goes on.
        if !self.level.command.words.is_empty() || self.level.pipeline.is_empty() {
            self.end_pipeline();
        }
    }
}
