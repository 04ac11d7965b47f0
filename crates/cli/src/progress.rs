//! What is said while a run goes on: the status line of a terminal, and once in words where there is none.

use std::time::{Duration, Instant};

use callgate_core::saturation::Saturation;
use callgate_linux::proc;
use callgate_linux::session::Session;

use crate::output::{Output, foreign};
use crate::plan::Plan;
use crate::saturation;

/// How often the status line is redrawn: ten times a second at most.
const REDRAW: Duration = Duration::from_millis(100);
/// After this long a person may ask how it ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// Processes left behind are looked for, and told of, after this long.
const LEFT: Duration = Duration::from_secs(2);

/// `learning, run 2 of 3`; of a single run no number is worth saying.
pub(crate) fn label((run, runs): (u32, u32)) -> String {
    if runs <= 1 { "learning".to_owned() } else { format!("learning, run {run} of {runs}") }
}

/// How fast calls come: over the last second or so, since an average over hours says nothing of now.
struct Rate {
    since: Instant,
    calls: u64,
    per_second: Option<f64>,
}

impl Rate {
    /// Over how long it is measured.
    const SPAN: Duration = Duration::from_secs(1);

    fn new(now: Instant) -> Self {
        Self { since: now, calls: 0, per_second: None }
    }

    /// Calls in a second, with this many made by now.
    fn update(&mut self, now: Instant, calls: u64) -> f64 {
        let span = now.saturating_duration_since(self.since);
        let measured = calls.saturating_sub(self.calls) as f64 / span.as_secs_f64().max(0.001);
        if span >= Self::SPAN {
            *self = Self { since: now, calls, per_second: Some(measured) };
        }
        self.per_second.unwrap_or(measured)
    }
}

/// Where a run stands, as far as it is shown.
pub(crate) struct View<'v> {
    pub(crate) plan: &'v Plan,
    pub(crate) session: &'v Session<'v>,
    pub(crate) output: &'v Output,
    /// The run that a person watches: its output is shown.
    pub(crate) first: bool,
    /// When what was new was seen.
    pub(crate) saturation: &'v Saturation,
    /// Readiness is waited for.
    pub(crate) starting: bool,
    /// The program itself ended.
    pub(crate) ended: bool,
}

/// What was said so far.
pub(crate) struct Progress<'p> {
    /// What the status line says before its numbers; `None`: there is no status line.
    label: Option<&'p str>,
    started: Instant,
    drawn: Instant,
    rate: Rate,
    /// Since when the program itself is gone, and who is left of it.
    ended: Option<Instant>,
    left: Option<String>,
    looked: Instant,
    told_how_to_end: bool,
    told_who_is_left: bool,
}

impl<'p> Progress<'p> {
    pub(crate) fn new(label: Option<&'p str>) -> Self {
        let now = Instant::now();
        Self {
            label,
            started: now,
            drawn: now,
            rate: Rate::new(now),
            ended: None,
            left: None,
            looked: now,
            told_how_to_end: false,
            told_who_is_left: false,
        }
    }

    /// When there is something to say although nothing happened.
    pub(crate) fn wake(&self, output: &Output) -> Option<Instant> {
        let live = self.label.is_some() && output.live();
        let left = self.ended.is_some() && !self.told_who_is_left;
        let soon = |wanted: bool, after: Duration| wanted.then(|| Instant::now() + after);
        [soon(live, REDRAW), soon(left, LEFT), soon(!self.told_how_to_end, PATIENCE)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Shows and says what there is now.
    pub(crate) fn show(&mut self, now: Instant, view: &View<'_>) {
        self.look_who_is_left(now, view);
        let shown = self.draw(now, view);
        if view.first && !shown {
            self.tell_how_to_end(now, view);
            self.tell_who_is_left(view);
        }
    }

    /// Takes the status line away for good: the program's output is about to be passed on.
    pub(crate) fn make_way(&mut self, session: &Session<'_>, output: &Output) {
        self.label = None;
        session.clear_line(|| output.raw_stderr(b"\r\x1b[K"));
    }

    /// Names a process that outlives the program, about as often as a person reads.
    fn look_who_is_left(&mut self, now: Instant, view: &View<'_>) {
        if !view.ended || view.plan.attached {
            return;
        }
        let since = *self.ended.get_or_insert(now);
        if now - since >= LEFT && now - self.looked >= LEFT {
            self.looked = now;
            self.left = left_behind(view.session.keeper());
        }
    }

    /// The status line: at most ten times a second, never over the program's own output. Whether there is one.
    fn draw(&mut self, now: Instant, view: &View<'_>) -> bool {
        let output = view.output;
        let Some(label) = self.label.filter(|_| output.live()) else { return false };
        if now - self.drawn < REDRAW {
            return true;
        }
        self.drawn = now;
        // In the background a line would stop the whole job where `stty tostop` is set.
        let foreground = rustix::termios::tcgetpgrp(std::io::stderr()).ok();
        if foreground.is_some_and(|group| group != rustix::process::getpgrp()) {
            return true;
        }
        let (calls, _) = view.session.progress();
        let rate = self.rate.update(now, calls);
        let numbers = Numbers { calls, rate, saturation: view.saturation, ran: now - self.started };
        let text = self.line(label, &numbers, view);
        let text: String = text.chars().take(output.width().saturating_sub(1)).collect();
        let mut shown = false;
        view.session.draw_line(|| {
            shown = true;
            output.raw_stderr(format!("\r\x1b[K{text}").as_bytes());
        });
        shown
    }

    fn line(&self, label: &str, numbers: &Numbers<'_>, view: &View<'_>) -> String {
        let name = foreign(&view.plan.command.name());
        match (&view.plan.ready, &self.left) {
            (Some(probe), _) if view.starting => {
                format!("{label}: waiting for {probe}{}", numbers.text(", "))
            }
            (None, _) if view.starting => {
                format!("{label}: waiting for a listening socket{}", numbers.text(", "))
            }
            (_, Some(left)) => format!("{label}: waits for {left}, left behind by `{name}`"),
            _ if ends_by_hand(view) && numbers.ran >= PATIENCE => {
                format!("{label}, Ctrl-C ends it{}", numbers.text(": "))
            }
            _ => format!("{label}{}", numbers.text(": ")),
        }
    }

    /// Says once how to end what does not end.
    fn tell_how_to_end(&mut self, now: Instant, view: &View<'_>) {
        if ends_by_hand(view) && !self.told_how_to_end && now - self.started >= PATIENCE {
            self.told_how_to_end = true;
            view.output.say(&format!(
                "`{}` still runs; Ctrl-C ends it, --for and --exercise end it by themselves",
                foreign(&view.plan.command.name())
            ));
        }
    }

    /// Says once for whom it waits.
    fn tell_who_is_left(&mut self, view: &View<'_>) {
        if let Some(left) = self.left.as_ref().filter(|_| !self.told_who_is_left) {
            self.told_who_is_left = true;
            let name = foreign(&view.plan.command.name());
            view.output.say(&format!("waits for {left}, left behind by `{name}`"));
        }
    }
}

/// Whether only a person ends a program that does not end by itself.
fn ends_by_hand(view: &View<'_>) -> bool {
    let plan = view.plan;
    !plan.phased()
        && plan.limit.is_none()
        && plan.quiet.is_none()
        && !plan.patient
        && !plan.attached
        && view.first
        && !view.ended
}

/// What was counted.
struct Numbers<'n> {
    /// None where the recorder does not count.
    calls: u64,
    rate: f64,
    saturation: &'n Saturation,
    ran: Duration,
}

impl Numbers<'_> {
    /// In words, after a separator. Where nothing is recorded there is only the time, and not every recorder counts.
    fn text(&self, separator: &str) -> String {
        if self.saturation.distinct() == 0 {
            return format!("{separator}{} s", self.ran.as_secs());
        }
        let known = saturation::line(self.saturation, self.ran);
        if self.calls == 0 {
            return format!("{separator}{known}");
        }
        format!("{separator}{} calls, {:.0}/s, {known}", self.calls, self.rate)
    }
}

/// Who is left of a workload: `` `sleep`[4242] and 2 more``.
pub(crate) fn left_behind(keeper: i32) -> Option<String> {
    let all = proc::survivors(keeper);
    let (pid, path) = all.first()?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let more = match all.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("`{}`[{pid}]{more}", foreign(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut rate = Rate::new(now);
        let shown = [(500, 500), (1000, 1000), (1500, 1000), (2000, 1000), (3000, 11_000), (3100, 0)]
            .map(|(ms, calls)| rate.update(at(ms), calls).round() as u64);
        assert_eq!(shown, [1000, 1000, 1000, 0, 10_000, 10_000]);
    }
}
