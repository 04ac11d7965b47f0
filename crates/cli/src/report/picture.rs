//! The surface as a picture: a square per call, in rows by topic, the profile beside the runtime's default.
//!
//! Forms carry what colours say: full, half or empty squares, and a dot in those that are dangerous.

use std::fmt::Write as _;

use callgate_check::explain::surface::Standing;

use super::{Cell, Report, Shade};
use callgate_core::foreign::markup;

/// Side of a square, and from one to the next.
const SIDE: usize = 12;
const STEP: usize = 15;
/// Squares in a row.
const ROW: usize = 26;
/// Where the columns begin.
const OURS: usize = 140;
const THEIRS: usize = OURS + ROW * STEP + 30;
const WIDTH: usize = THEIRS + ROW * STEP;
/// Room for the heads of the columns.
const HEAD: usize = 26;

/// The picture, as SVG to stand in a page that has the colours.
pub(super) fn picture(report: &Report) -> String {
    let rows = |cells: usize| cells.div_ceil(ROW).max(1);
    let height = HEAD + report.groups.iter().map(|group| rows(group.cells.len()) * STEP + 5).sum::<usize>();
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"pt pd\">\n<title id=\"pt\">What {} \
         allows, beside RuntimeDefault</title>\n<desc id=\"pd\">A square for each of {} calls, in rows by topic; what \
         it says stands as text below.</desc>\n",
        markup(&report.profile),
        report.calls()
    );
    let default = markup(&report.beside.name);
    let _ = writeln!(out, "<text class=\"head\" x=\"{OURS}\" y=\"14\">this profile</text>");
    let _ = writeln!(out, "<text class=\"head\" x=\"{THEIRS}\" y=\"14\">RuntimeDefault ({default})</text>");
    let mut y = HEAD;
    for group in &report.groups {
        let _ = writeln!(out, "<text x=\"0\" y=\"{}\">{}</text>", y + 10, markup(group.name));
        column(&mut out, &group.cells, (OURS, y), |cell| cell.ours);
        column(&mut out, &group.cells, (THEIRS, y), |cell| cell.theirs);
        y += rows(group.cells.len()) * STEP + 5;
    }
    out + "</svg>\n"
}

fn column(out: &mut String, cells: &[Cell], (left, top): (usize, usize), of: impl Fn(&Cell) -> Shade) {
    for (at, cell) in cells.iter().enumerate() {
        let (x, y) = (left + at % ROW * STEP, top + at / ROW * STEP);
        let shade = of(cell);
        let _ = writeln!(out, "<g><title>{}: {}</title>{}</g>", cell.call, words(shade), square(shade, x, y));
    }
}

fn words(shade: Shade) -> String {
    let danger = if shade.dangerous { ", dangerous" } else { "" };
    format!("{}{danger}", shade.standing.name())
}

/// One square at a place.
fn square(shade: Shade, x: usize, y: usize) -> String {
    let kind = if shade.dangerous { "x" } else { "a" };
    let rect = |class: &str| {
        format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{SIDE}\" rx=\"2\"/>")
    };
    let mut out = match shade.standing {
        Standing::Allowed => rect(kind),
        Standing::Refused if shade.dangerous => rect("r xl"),
        Standing::Refused => rect("r"),
        Standing::Conditional => {
            let half = format!("<path class=\"{kind}\" d=\"M{x} {}V{y}H{}Z\"/>", y + SIDE, x + SIDE);
            rect(&format!("r {kind}l")) + &half
        }
        Standing::Undecided => rect("u"),
    };
    if shade.dangerous {
        let _ =
            write!(out, "<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"2\"/>", x + SIDE / 2, y + SIDE / 2);
    }
    out
}

/// What the squares mean.
pub(super) fn legend() -> String {
    let of = |standing, dangerous| Shade { standing, dangerous };
    let entries = [
        (of(Standing::Allowed, false), "allowed"),
        (of(Standing::Conditional, false), "allowed for some arguments"),
        (of(Standing::Refused, false), "refused"),
        (of(Standing::Allowed, true), "allowed, and dangerous"),
        (of(Standing::Conditional, true), "dangerous, for some arguments"),
        (of(Standing::Refused, true), "dangerous, left to a listener or tracer"),
    ];
    let entry = |(shade, words): (Shade, &str)| {
        format!(
            "<li><svg class=\"key\" viewBox=\"-1 -1 14 14\" aria-hidden=\"true\">{}</svg> {words}</li>\n",
            square(shade, 0, 0)
        )
    };
    format!("<ul class=\"legend\">\n{}</ul>\n", entries.map(entry).concat())
}
