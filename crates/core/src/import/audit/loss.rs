//! Lines that say that records were lost.

use crate::import::number::number;

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// So many more.
    More(u64),
    /// So many since the machine was started.
    InAll(u64),
    /// Nobody knows how many.
    Some,
}

/// Reads such a line (`kernel/audit.c`: audit_log_lost, audit_printk_skb and its successor kauditd_printk_skb; journald's
/// `journald-kmsg.c`; audisp's `queue.c`).
pub(super) fn read(line: &[u8]) -> Option<Loss> {
    let find = |needle: &str| memchr::memmem::find(line, needle.as_bytes());
    let audit = find("audi").is_some();
    if let Some(at) = find(" callbacks suppressed").filter(|_| audit) {
        return Some(before(&line[..at]).map_or(Loss::Some, Loss::More));
    }
    if let Some(at) = find("audit_lost=") {
        let lost = number(&line[at + "audit_lost=".len()..]).map(|(n, _)| n);
        return match lost {
            Some(0) => None,
            Some(n) => Some(Loss::InAll(n)),
            None => Some(Loss::Some),
        };
    }
    if let (Some(missed), Some(end)) = (find("Missed "), find(" kernel messages")) {
        let n = line.get(missed + "Missed ".len()..end).and_then(number);
        return Some(n.map_or(Loss::Some, |(n, _)| Loss::More(n)));
    }
    let unsaid = [
        "backlog limit exceeded",
        "rate limit exceeded",
        "hold queue overflow",
        "retry queue overflow",
        "queue is full - dropping event",
    ];
    (audit && unsaid.iter().any(|words| find(words).is_some())).then_some(Loss::Some)
}

/// The number a text ends with.
fn before(text: &[u8]) -> Option<u64> {
    let start = text.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| at + 1);
    number(&text[start..]).map(|(n, _)| n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_that_records_were_lost_is_understood() {
        for (line, expected) in [
            ("[ 3683.8] kauditd_printk_skb: 17 callbacks suppressed", Some(Loss::More(17))),
            ("audit: 3 callbacks suppressed", Some(Loss::More(3))),
            ("audit: audit_lost=12 audit_rate_limit=0 audit_backlog_limit=64", Some(Loss::InAll(12))),
            ("audit: audit_lost=0 audit_rate_limit=0", None),
            ("audit: backlog limit exceeded", Some(Loss::Some)),
            ("audit: rate limit exceeded", Some(Loss::Some)),
            ("audit: kauditd hold queue overflow", Some(Loss::Some)),
            ("audispd: queue is full - dropping event", Some(Loss::Some)),
            ("systemd-journald[312]: Missed 40 kernel messages", Some(Loss::More(40))),
            ("net_ratelimit: 17 callbacks suppressed", None),
            ("cgroup: fork rejected by pids controller", None),
            ("audit_lost=", Some(Loss::Some)),
        ] {
            assert_eq!(read(line.as_bytes()), expected, "{line}");
        }
    }
}
