//! Downloads: streamed with progress, hashed on the way, resumed by Range, given up at once.
//!
//! A finished download is a `Blob`: the browser keeps it, this module's memory never holds more
//! than a chunk. What an unfinished one got so far is kept for the next try.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    Blob, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCredentials, RequestInit,
    Response,
};

use super::cancel::{Stop, Ticket};
use super::http::{self, Head, Verdict, Wanted, megabytes};
use super::js;
use crate::protocol::Fault;

/// Chunks are joined into Blobs of this size, so that the script's heap stays small.
const PIECE_BYTES: u64 = 8 << 20;
/// A transfer without a byte for so long is broken.
const STALL_MS: f64 = 30_000.0;
/// How often a transfer that breaks but moves on is resumed without asking.
const MAX_BREAKS: u32 = 5;

/// One file to fetch.
pub(super) struct Ask<'a> {
    /// Its address.
    pub url: &'a str,
    /// Its name and origin, for messages.
    pub wanted: &'a Wanted,
    /// Its length, if known.
    pub n_bytes: Option<u64>,
    /// Its sha256 in hexadecimal, if known: anything else is refused.
    pub sha256: Option<&'a str>,
}

/// A finished download.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// Its bytes.
    pub blob: Blob,
    /// Their hash in hexadecimal.
    pub sha256: String,
}

/// Fetches, and keeps the parts of downloads that broke off.
#[derive(Default)]
pub(super) struct Fetcher {
    partials: RefCell<HashMap<String, Partial>>,
}

/// What came so far.
#[derive(Default)]
struct Partial {
    pieces: Array,
    pending: Array,
    n_pending: u64,
    received: u64,
    hasher: Sha256,
}

/// Why one request did not finish the file.
enum Break {
    /// The connection failed or ended early.
    Broken(String),
    /// The server is busy.
    Busy { after_ms: u64, fault: Fault },
    /// What was kept is of no use.
    StartOver,
    /// For good.
    End(Stop),
}

impl Fetcher {
    /// Fetches a file; `progress` gets the bytes so far and in all.
    pub async fn fetch(
        &self,
        ask: &Ask<'_>,
        ticket: &Ticket,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<Fetched, Stop> {
        let kept = self.partials.borrow_mut().remove(ask.url);
        let mut partial = kept.unwrap_or_default();
        let (mut n_busy, mut n_breaks, mut started_over) = (0, 0, false);
        loop {
            ticket.check()?;
            let before = partial.received;
            let stop = match request(ask, ticket, &mut partial, n_busy, &mut progress).await {
                Ok(()) => return finish(ask, partial),
                Err(Break::StartOver) if !started_over => {
                    started_over = true;
                    partial = Partial::default();
                    continue;
                }
                Err(Break::Busy { after_ms, .. }) if n_busy + 1 < http::MAX_ATTEMPTS => {
                    n_busy += 1;
                    wait(after_ms, ticket).await?;
                    continue;
                }
                Err(Break::Broken(_)) if partial.received > before && n_breaks < MAX_BREAKS => {
                    n_breaks += 1;
                    continue;
                }
                Err(Break::StartOver) => {
                    let what = "the server sends other parts than asked for";
                    return Err(ask.wanted.fault(what, "Load it again in a while.").into());
                }
                Err(Break::Busy { fault, .. }) => Stop::Fault(fault),
                Err(Break::Broken(problem)) => {
                    let online = js::scope().navigator().on_line();
                    let kept = partial.received;
                    Stop::Fault(http::unreachable_fault(ask.wanted, online, &problem, kept))
                }
                Err(Break::End(stop)) => stop,
            };
            if partial.received > 0 {
                self.partials.borrow_mut().insert(ask.url.to_owned(), partial);
            }
            return Err(stop);
        }
    }
}

async fn wait(ms: u64, ticket: &Ticket) -> Result<(), Stop> {
    let until = js::now() + ms as f64;
    while js::now() < until {
        ticket.check()?;
        js::sleep(100).await;
    }
    Ok(())
}

/// One request, for what is missing; appends to `partial`.
async fn request(
    ask: &Ask<'_>,
    ticket: &Ticket,
    partial: &mut Partial,
    attempt: u32,
    progress: &mut impl FnMut(u64, Option<u64>),
) -> Result<(), Break> {
    if ask.n_bytes.is_some_and(|n_bytes| n_bytes == partial.received && n_bytes > 0) {
        return Ok(());
    }
    let watch = Watch::start(ticket);
    let outcome = transfer(ask, ticket, partial, attempt, progress, &watch).await;
    watch.done.set(true);
    outcome
}

async fn transfer(
    ask: &Ask<'_>,
    ticket: &Ticket,
    partial: &mut Partial,
    attempt: u32,
    progress: &mut impl FnMut(u64, Option<u64>),
    watch: &Watch,
) -> Result<(), Break> {
    let broken = |thrown: JsValue| match ticket.check() {
        Err(stop) => Break::End(stop),
        Ok(()) if watch.stalled.get() => Break::Broken("nothing came for 30 seconds".to_owned()),
        Ok(()) => Break::Broken(js::words(&thrown)),
    };
    let init = request_init(partial.received, ticket).map_err(broken)?;
    let scope = js::scope();
    let response = scope.fetch_with_str_and_init(ask.url, &init).await.map_err(broken)?;
    let response: Response = response.unchecked_into();
    watch.alive();
    let (start, total) =
        match http::judge(&head_of(&response), ask.wanted, partial.received, attempt) {
            Verdict::Body { start, total } => (start, total),
            Verdict::StartOver => return Err(Break::StartOver),
            Verdict::TryAgain { after_ms, fault } => return Err(Break::Busy { after_ms, fault }),
            Verdict::Refused(fault) => return Err(Break::End(fault.into())),
        };
    if start != partial.received {
        // The server does not do ranges: it all comes again.
        *partial = Partial::default();
    }
    let total = ask.n_bytes.or(total);
    let Some(body) = response.body() else {
        return Err(Break::Broken("an answer without a body".to_owned()));
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let chunk = reader.read().await.map_err(broken)?;
        watch.alive();
        if js::get(&chunk, "done").is_truthy() {
            break;
        }
        partial.push(js::get(&chunk, "value").unchecked_into()).map_err(broken)?;
        progress(partial.received, total);
        ticket.check().map_err(Break::End)?;
        if ask.n_bytes.is_some_and(|n_bytes| partial.received > n_bytes) {
            let _cancelled = reader.cancel();
            let what = format!("is longer than the {} expected", megabytes(total.unwrap_or(0)));
            let stop = ask.wanted.fault(what, "The file was replaced; load it again later.").into();
            *partial = Partial::default();
            return Err(Break::End(stop));
        }
    }
    match total {
        Some(total) if partial.received < total => {
            Err(Break::Broken(format!("ended at {} of {total} bytes", partial.received)))
        }
        _ => Ok(()),
    }
}

fn request_init(offset: u64, ticket: &Ticket) -> Result<RequestInit, JsValue> {
    let init = RequestInit::new();
    init.set_signal(ticket.signal().as_ref());
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    if offset > 0 {
        let headers = Headers::new()?;
        headers.set("Range", &format!("bytes={offset}-"))?;
        init.set_headers(&headers);
    }
    Ok(init)
}

fn head_of(response: &Response) -> Head {
    let headers = response.headers();
    let header = |name: &str| headers.get(name).ok().flatten();
    let is_plain = header("Content-Encoding").is_none_or(|coding| coding == "identity");
    Head {
        status: response.status(),
        content_type: header("Content-Type"),
        content_length: header("Content-Length").filter(|_| is_plain).and_then(|n| n.parse().ok()),
        content_range: header("Content-Range"),
        retry_after: header("Retry-After"),
        error_code: header("X-Error-Code"),
    }
}

fn finish(ask: &Ask<'_>, partial: Partial) -> Result<Fetched, Stop> {
    let no_memory = |thrown: JsValue| {
        let what = format!("could not be kept by the browser ({})", js::words(&thrown));
        Stop::Fault(ask.wanted.fault(what, "Close other tabs, then load it again."))
    };
    let sha256 = hex(&partial.hasher.clone().finalize());
    let blob = partial.into_blob().map_err(no_memory)?;
    check_hash(ask.wanted, &sha256, ask.sha256)?;
    Ok(Fetched { blob, sha256 })
}

/// Refuses a file that is not the pinned one.
pub(super) fn check_hash(wanted: &Wanted, found: &str, expected: Option<&str>) -> Result<(), Stop> {
    match expected {
        Some(expected) if expected != found => {
            let what = format!("its sha256 is {found}, expected {expected}: it is not used");
            let advice = "It was damaged on the way, or replaced. Load it again; if this comes \
                          again, do not trust the source.";
            Err(wanted.fault(what, advice).into())
        }
        _ => Ok(()),
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Partial {
    fn push(&mut self, chunk: Uint8Array) -> Result<(), JsValue> {
        self.hasher.update(chunk.to_vec());
        let n_bytes = u64::from(chunk.length());
        self.pending.push(&chunk);
        self.n_pending += n_bytes;
        if self.n_pending >= PIECE_BYTES {
            self.settle()?;
        }
        self.received += n_bytes;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), JsValue> {
        self.pieces.push(Blob::new_with_u8_array_sequence(&self.pending)?.as_ref());
        self.pending = Array::new();
        self.n_pending = 0;
        Ok(())
    }

    fn into_blob(mut self) -> Result<Blob, JsValue> {
        self.settle()?;
        Blob::new_with_blob_sequence(&self.pieces)
    }
}

/// Ends a request that stopped moving.
struct Watch {
    last: Rc<Cell<f64>>,
    stalled: Rc<Cell<bool>>,
    done: Rc<Cell<bool>>,
}

impl Watch {
    fn start(ticket: &Ticket) -> Self {
        let watch = Self {
            last: Rc::new(Cell::new(js::now())),
            stalled: Rc::default(),
            done: Rc::default(),
        };
        let (last, stalled, done) =
            (Rc::clone(&watch.last), Rc::clone(&watch.stalled), Rc::clone(&watch.done));
        let ticket = ticket.clone();
        spawn_local(async move {
            while !done.get() {
                js::sleep(1000).await;
                if !done.get() && js::now() - last.get() > STALL_MS {
                    stalled.set(true);
                    ticket.abort_request();
                    return;
                }
            }
        });
        watch
    }

    fn alive(&self) {
        self.last.set(js::now());
    }
}
