//! Tables of `strace -c`: names and counts, without arguments.
//!
//! Columns and their order are a choice (`-U`); the header names them. There is one table per ABI, the first without a
//! heading (strace's `count.c`).

/// A column that matters, or one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Calls,
    Errors,
    Name,
    Other,
}

/// A table being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// The line of dashes has been seen.
    begun: bool,
}

/// What one line of a table is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// A call, and how often it was made where the table says so.
    Row(&'l str, Option<u64>),
    /// A line of dashes, or the sum: nothing to count.
    Rule,
    /// The sum, with which a table ends.
    Total,
    /// No line of a table.
    Foreign,
}

/// Reads a header: nothing but names of columns, that of calls among them.
pub(super) fn header(line: &[u8]) -> Option<Table> {
    let text = std::str::from_utf8(line).ok()?;
    let words = text.split_ascii_whitespace().filter(|word| *word != "%");
    let column = |word: &str| match word {
        "syscall" => Some(Column::Name),
        "calls" => Some(Column::Calls),
        "errors" => Some(Column::Errors),
        "time" | "seconds" | "usecs/call" | "shortest" | "longest" | "wall-total" | "wall-min"
        | "wall-max" | "wall-avg" => Some(Column::Other),
        _ => None,
    };
    let columns: Vec<Column> = words.map(column).collect::<Option<_>>()?;
    columns.contains(&Column::Name).then_some(Table { columns, begun: false })
}

/// The mode of `System call usage summary for 32 bit mode:`.
pub(super) fn heading(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"System call usage summary for ")?.strip_suffix(b" mode:")
}

impl Table {
    /// Whether rows were or may be coming.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Reads one line below the header.
    pub(super) fn line<'l>(&mut self, line: &'l [u8]) -> Line<'l> {
        if !line.is_empty() && line.iter().all(|b| matches!(b, b'-' | b' ')) {
            self.begun = true;
            return Line::Rule;
        }
        let Some(text) = std::str::from_utf8(line).ok().filter(|_| self.begun) else { return Line::Foreign };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let row = |columns: &[Column]| -> Option<(&'l str, Option<u64>)> {
            let at = |wanted| columns.iter().position(|c| *c == wanted);
            let numbers = columns.iter().zip(&words).filter(|(c, _)| **c != Column::Name);
            let all =
                words.len() == columns.len() && numbers.into_iter().all(|(_, w)| w.parse::<f64>().is_ok());
            let name = *words.get(at(Column::Name)?).filter(|_| all)?;
            Some((name, at(Column::Calls).and_then(|at| words[at].parse().ok())))
        };
        // Without errors their place is blank.
        let found = row(&self.columns).or_else(|| {
            let rest: Vec<_> = self.columns.iter().copied().filter(|c| *c != Column::Errors).collect();
            row(&rest)
        });
        match found {
            Some(("total", _)) => Line::Total,
            Some((name, calls)) => Line::Row(name, calls),
            None => Line::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut lines = text.lines().skip_while(|l| l.is_empty());
        let mut table = header(lines.next().unwrap().as_bytes()).unwrap();
        lines.map(|line| format!("{:?}", table.line(line.as_bytes()))).collect()
    }

    #[test]
    fn names_and_counts_are_read_whatever_the_columns() {
        let usual = "
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 69.11    0.004698         939         5         2 wait4
  5.43    0.000369           6        60           mmap
------ ----------- ----------- --------- --------- ----------------
100.00    0.006798          10       638       190 total";
        let expected = ["Rule", "Row(\"wait4\", Some(5))", "Row(\"mmap\", Some(60))", "Rule", "Total"]
            .map(str::to_owned);
        assert_eq!(read(usual), expected);
        let chosen = "
syscall               errors     calls
---------------- --------- ---------
wait4                    2         5
mmap                            60
---------------- --------- ---------
total                    2        65";
        assert_eq!(read(chosen), expected);
    }

    #[test]
    fn a_table_without_counts_has_names() {
        assert_eq!(read("% time syscall\n------ -----\n 1.00 brk\n")[1], "Row(\"brk\", None)");
    }

    #[test]
    fn other_lines_are_no_table() {
        assert_eq!(header(b"time flies"), None);
        assert_eq!(header(b"the syscall"), None);
        let mut table = header(b"% time syscall").unwrap();
        assert_eq!(table.line(b" 1.00 brk"), Line::Foreign);
        assert_eq!(heading(b"System call usage summary for 32 bit mode:"), Some(&b"32 bit"[..]));
    }
}
