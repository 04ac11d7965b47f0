//! Columns for people: no borders, numbers right-aligned.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_lines_have_no_tail() {
        let rows = [vec!["@a".to_owned(), "7".to_owned()], vec!["@long".to_owned(), "100".to_owned()]];
        assert_eq!(columns(&rows, &[Align::Left, Align::Right]), "  @a       7\n  @long  100\n");
    }
}
