//! Columns for people: no borders, numbers right-aligned.

use crate::output::wrap;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Lays rows out in columns two spaces apart, indented by two. The last column is never padded.
pub(crate) fn columns(rows: &[Vec<String>], align: &[Align]) -> String {
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..align.len()).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::from("  ");
        for (i, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths.get(i).copied().unwrap_or(0).saturating_sub(cell.chars().count()));
            match align.get(i) {
                Some(Align::Right) => line.extend([pad.as_str(), cell]),
                _ => line.extend([cell, pad.as_str()]),
            }
            line.push_str("  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The same within a width: the last column goes on below itself.
pub(crate) fn columns_within(rows: &[Vec<String>], align: &[Align], width: usize) -> String {
    let last = align.len().saturating_sub(1);
    let used = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let before: usize = 2 + (0..last).map(|i| used(i) + 2).sum::<usize>();
    // Where the other columns leave next to nothing, long lines are the smaller evil.
    let room = width.saturating_sub(before).max(20);
    let mut broken = Vec::new();
    for row in rows {
        let text = row.get(last).map_or_else(String::new, |cell| wrap(cell, room, ""));
        for (number, line) in text.lines().chain(text.is_empty().then_some("")).enumerate() {
            let mut cells =
                if number == 0 { row[..last.min(row.len())].to_vec() } else { vec![String::new(); last] };
            cells.push(line.to_owned());
            broken.push(cells);
        }
    }
    columns(&broken, align)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_lines_have_no_tail() {
        let rows = [vec!["@a".to_owned(), "7".to_owned()], vec!["@long".to_owned(), "100".to_owned()]];
        assert_eq!(columns(&rows, &[Align::Left, Align::Right]), "  @a       7\n  @long  100\n");
    }

    #[test]
    fn the_last_column_goes_on_below_itself() {
        let rows = [vec!["@a".to_owned(), "one two three four five six".to_owned()]];
        let text = columns_within(&rows, &[Align::Left, Align::Left], 26);
        assert_eq!(text, "  @a  one two three four\n      five six\n");
    }
}
