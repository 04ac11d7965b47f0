//! Reads our own CSV: a header line, `#` comments, no quoting.

use anyhow::{Context as _, ensure};

/// A table with named columns.
pub(super) struct Csv<'a> {
    header: Vec<&'a str>,
    rows: Vec<(usize, Vec<&'a str>)>,
}

/// One row, with its line for messages.
pub(super) struct Row<'a, 'c> {
    csv: &'c Csv<'a>,
    line: usize,
    cells: &'c [&'a str],
}

impl<'a> Csv<'a> {
    /// Splits `text`; every row must have as many cells as the header.
    pub(super) fn parse(text: &'a str) -> anyhow::Result<Self> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, header) = lines.next().context("no header line")?;
        let header = split(header);
        let mut rows = Vec::new();
        for (line, text) in lines {
            let cells = split(text);
            let (want, got) = (header.len(), cells.len());
            ensure!(want == got, "line {line}: {got} cells where the header has {want}");
            rows.push((line, cells));
        }
        Ok(Self { header, rows })
    }

    /// The rows in the order of the file.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'a, '_>> {
        self.rows.iter().map(|(line, cells)| Row { csv: self, line: *line, cells })
    }
}

impl<'a> Row<'a, '_> {
    /// The cell under `column`.
    pub(super) fn get(&self, column: &str) -> anyhow::Result<&'a str> {
        let at = self.csv.header.iter().position(|h| *h == column);
        let at = at.with_context(|| format!("no column `{column}`"))?;
        Ok(self.cells[at])
    }

    /// Line of the file, from one.
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

fn split(line: &str) -> Vec<&str> {
    line.split(',').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_skipped_but_counted() {
        let csv = Csv::parse("# about\nname, nr\n\nread,0\n").unwrap();
        let row = csv.rows().next().unwrap();
        assert_eq!((row.get("name").unwrap(), row.get("nr").unwrap(), row.line()), ("read", "0", 4));
    }

    #[test]
    fn a_row_of_the_wrong_width_is_named_by_its_line() {
        let error = Csv::parse("a,b\n1\n").err().unwrap();
        assert_eq!(error.to_string(), "line 2: 1 cells where the header has 2");
    }
}
