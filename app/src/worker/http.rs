//! What an answer of a server means: pure functions of status and headers, in words for the
//! visitor. Only 429 and 5xx are asked again after a while; a broken transfer goes on by Range.

use crate::protocol::{Fault, FaultPlace};

/// Longest wait before asking again, whatever the server proposes.
const MAX_WAIT_MS: u64 = 30_000;
/// How often a busy server is asked.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// What is fetched, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The file.
    pub file: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The site of the page.
    Site,
    /// A repository of the hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
    },
}

impl Wanted {
    /// The file with its origin.
    pub fn words(&self) -> String {
        match &self.origin {
            Origin::Site => format!("{} of this site", self.file),
            Origin::Hub { repo, .. } => format!("{} of {repo} on the Hugging Face hub", self.file),
        }
    }

    /// A fault of the model picker about this file.
    pub fn fault(&self, what: impl std::fmt::Display, advice: impl Into<String>) -> Fault {
        let what = format!("{}: {what}", self.words());
        Fault::new(FaultPlace::Model, what, advice)
    }
}

/// The part of an answer that comes before its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Length`, unless the body is compressed.
    pub content_length: Option<u64>,
    /// `Content-Range`.
    pub content_range: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The hub's `X-Error-Code`.
    pub error_code: Option<String>,
}

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Read the body: it begins at `start` of a file of `total` bytes.
    Body {
        /// First byte that comes.
        start: u64,
        /// Length of the whole file, if known.
        total: Option<u64>,
    },
    /// The part asked for does not exist: forget what was kept, ask for the whole file.
    StartOver,
    /// Ask again after a while; the fault is for when that was tried often enough.
    TryAgain {
        /// Milliseconds.
        after_ms: u64,
        /// What to say at last.
        fault: Fault,
    },
    /// Tell the visitor.
    Refused(Fault),
}

/// Judges an answer to a request for the bytes of `wanted` from `offset` on. `attempt` counts
/// the requests from 0.
pub(super) fn judge(head: &Head, wanted: &Wanted, offset: u64, attempt: u32) -> Verdict {
    match head.status {
        200 | 206 if is_web_page(head, wanted) => Verdict::Refused(wanted.fault(
            "a web page came in place of the file",
            "A network sign-in (hotel, café, school) or a proxy stands between. Open any page in \
             a new tab, sign in there, then load the model again.",
        )),
        200 => Verdict::Body { start: 0, total: head.content_length },
        206 => match head.content_range.as_deref().and_then(parse_content_range) {
            Some((start, total)) if start == offset => Verdict::Body { start, total },
            // Some origins do not let the page read the header; the status is its word.
            None if head.content_range.is_none() => Verdict::Body {
                start: offset,
                total: head.content_length.map(|length| length + offset),
            },
            _ => Verdict::StartOver,
        },
        416 if offset > 0 => Verdict::StartOver,
        429 | 500..=599 => Verdict::TryAgain {
            after_ms: wait_ms(head.retry_after.as_deref(), attempt),
            fault: busy(head.status, wanted),
        },
        _ => Verdict::Refused(refusal(head, wanted)),
    }
}

/// The words when the request itself failed: no connection, or blocked on the way.
pub(super) fn unreachable_fault(wanted: &Wanted, online: bool, problem: &str, kept: u64) -> Fault {
    let kept = match kept {
        0 => String::new(),
        kept => format!(" {} are kept: load it again to go on from there.", megabytes(kept)),
    };
    if online {
        let advice = format!(
            "The server could not be reached, or something blocks it (an ad blocker, a firewall, \
             a school network).{kept}"
        );
        wanted.fault(format!("the connection failed ({problem})"), advice)
    } else {
        let advice = format!(
            "Connect, then load it again.{kept} The models that came with the page work without \
             a network once they were loaded."
        );
        wanted.fault("this device is offline", advice)
    }
}

/// Bytes for people.
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `bytes 5-9/10` → the first byte, and the whole length where it is told.
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let fits = first <= last && total.is_none_or(|total| last < total);
    fits.then_some((first, total))
}

/// The sha256 in an `X-Linked-Etag`, with which the hub names the content of a large file.
pub(super) fn sha256_of(etag: String) -> Option<String> {
    let tag = etag.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
    let is_hash = tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(tag)
}

/// How long to wait: what the server asks for in seconds, else doubling from one second.
fn wait_ms(retry_after: Option<&str>, attempt: u32) -> u64 {
    let asked = retry_after.and_then(|text| text.trim().parse::<u64>().ok());
    let own = 1000u64 << attempt.min(5);
    asked.map_or(own, |seconds| seconds.saturating_mul(1000)).min(MAX_WAIT_MS)
}

fn is_web_page(head: &Head, wanted: &Wanted) -> bool {
    let is_html = |text: &String| text.to_ascii_lowercase().starts_with("text/html");
    head.content_type.as_ref().is_some_and(is_html) && !wanted.file.ends_with(".html")
}

fn busy(status: u16, wanted: &Wanted) -> Fault {
    if status == 429 {
        return wanted.fault(
            "the server asks for a pause (429, too many requests)",
            "It was asked several times already. Wait some minutes, then load it again.",
        );
    }
    wanted.fault(
        format!("the server has trouble of its own ({status})"),
        "It was asked several times already. Try again later, or open the model's files from \
         your disk.",
    )
}

fn refusal(head: &Head, wanted: &Wanted) -> Fault {
    let Origin::Hub { repo, revision } = &wanted.origin else {
        return match head.status {
            404 => wanted.fault(
                "the site does not have it (404)",
                "The site was not copied completely, or was built without models. Take another \
                 model of the list, one of the hub, or a file from your disk.",
            ),
            status => wanted.fault(
                format!("the server refuses it ({status})"),
                "Sign in to the site if it has a sign-in, then reload the page.",
            ),
        };
    };
    match (head.status, head.error_code.as_deref()) {
        (404, Some("RevisionNotFound")) => wanted.fault(
            format!("{repo} has no branch, tag or commit named {revision} (404)"),
            "Leave the revision empty for the newest version.",
        ),
        (401 | 403, Some("GatedRepo")) => wanted.fault(
            format!("{repo} is gated ({}): its owners ask you to agree to terms", head.status),
            "Accept the terms on the hub with your account, download the files there and open \
             them from your disk. No account is ever used by this page.",
        ),
        (401, _) => wanted.fault(
            format!("{repo} does not exist, or is private (401, the hub wants a sign-in)"),
            "Check the spelling (owner/name). Files of a private model can be downloaded with \
             your account and opened from your disk.",
        ),
        (403, _) => wanted.fault(
            "the hub forbids it (403)",
            "The model may be gated or not offered in your country. Download the files with \
             your account and open them from your disk.",
        ),
        (404, Some("RepoNotFound")) => wanted.fault(
            format!("there is no repository {repo} (404)"),
            "Check the spelling (owner/name).",
        ),
        (404, _) => wanted.fault(
            format!("{repo} has no such file at {revision} (404)"),
            "Check the spelling, or leave the file empty to let Vitrine choose.",
        ),
        (status, _) => wanted.fault(
            format!("the hub answers {status}"),
            "Try again later, or open the model's files from your disk.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        let (repo, revision) = ("o/n".to_owned(), "main".to_owned());
        Wanted { file: "model.safetensors".to_owned(), origin: Origin::Hub { repo, revision } }
    }

    fn head(status: u16) -> Head {
        Head { status, ..Head::default() }
    }

    #[test]
    fn every_status_has_its_own_words() {
        let says = |status, code: &str| {
            let error_code = Some(code.to_owned()).filter(|code| !code.is_empty());
            match judge(&Head { error_code, ..head(status) }, &wanted(), 0, 0) {
                Verdict::Refused(fault) | Verdict::TryAgain { fault, .. } => {
                    assert!(fault.what.contains(&status.to_string()), "{}", fault.what);
                    assert!(!fault.advice.is_empty());
                    fault.what
                }
                other => panic!("{other:?}"),
            }
        };
        let all = [
            says(401, ""),
            says(401, "GatedRepo"),
            says(403, ""),
            says(404, ""),
            says(404, "RevisionNotFound"),
            says(404, "RepoNotFound"),
            says(429, ""),
            says(500, ""),
            says(418, ""),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:#?}");
    }

    #[test]
    fn only_busy_servers_are_asked_again() {
        for status in 300..=599 {
            let again = matches!(judge(&head(status), &wanted(), 0, 0), Verdict::TryAgain { .. });
            assert_eq!(again, status == 429 || status >= 500, "{status}");
        }
    }

    #[test]
    fn waits_double_and_are_bounded() {
        assert_eq!((0..3).map(|n| wait_ms(None, n)).collect::<Vec<_>>(), [1000, 2000, 4000]);
        assert_eq!(wait_ms(Some("7"), 0), 7000);
        assert_eq!(wait_ms(Some("999999999999999999"), 0), MAX_WAIT_MS);
        assert_eq!(wait_ms(Some("Wed, 21 Oct 2026"), 1), 2000);
        assert_eq!(wait_ms(None, u32::MAX), MAX_WAIT_MS);
    }

    #[test]
    fn ranges_go_on_or_start_over() {
        let part = |range: &str, offset| {
            let content_range = Some(range.to_owned());
            judge(&Head { content_range, ..head(206) }, &wanted(), offset, 0)
        };
        assert_eq!(part("bytes 5-9/10", 5), Verdict::Body { start: 5, total: Some(10) });
        assert_eq!(part("bytes 5-9/*", 5), Verdict::Body { start: 5, total: None });
        for bad in ["bytes 4-9/10", "bytes 5-10/10", "bytes 9-5/10", "lines 5-9/10", "bytes 5-9/x"]
        {
            assert_eq!(part(bad, 5), Verdict::StartOver, "{bad}");
        }
        let whole = Head { content_length: Some(10), ..head(200) };
        assert_eq!(judge(&whole, &wanted(), 5, 0), Verdict::Body { start: 0, total: Some(10) });
        assert_eq!(judge(&head(416), &wanted(), 5, 0), Verdict::StartOver);
        assert!(matches!(judge(&head(416), &wanted(), 0, 0), Verdict::Refused(_)));
    }

    #[test]
    fn only_a_sha256_is_taken_for_one() {
        let hash = "ab".repeat(32);
        assert_eq!(sha256_of(format!("\"{}\"", hash.to_uppercase())), Some(hash.clone()));
        assert_eq!(sha256_of(format!("W/\"{hash}\"")), Some(hash));
        for other in ["", "\"\"", "\"d41d8cd98f00b204e9800998ecf8427e\"", &"g".repeat(64)] {
            assert_eq!(sha256_of(other.to_owned()), None, "{other}");
        }
    }

    #[test]
    fn a_captive_portal_is_recognised() {
        let content_type = Some("text/html; charset=utf-8".to_owned());
        let verdict = judge(&Head { content_type, ..head(200) }, &wanted(), 0, 0);
        assert!(matches!(verdict, Verdict::Refused(fault) if fault.advice.contains("sign-in")));
    }

    #[test]
    fn offline_and_blocked_differ() {
        let offline = unreachable_fault(&wanted(), false, "Failed to fetch", 12_000_000);
        assert!(offline.what.contains("offline") && offline.advice.contains("12.0 MB are kept"));
        let blocked = unreachable_fault(&wanted(), true, "Failed to fetch", 0);
        assert!(blocked.advice.contains("blocks") && !blocked.advice.contains("kept"));
    }
}
