//! Downloads: streamed with progress, hashed on the way, resumed by Range, given up at once.
//!
//! A finished download is a `Blob`: the browser keeps it, this module's memory never holds more
//! than a chunk. What an unfinished one got so far is kept for the next try; in the browser's cache
//! as well, where the next page finds it.

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

use super::cache::{Shelf, hash_into};
use super::cancel::{Stop, Ticket};
use super::http::{self, Head, Verdict, Wanted, megabytes};
use super::js;
use crate::protocol::Fault;

/// Chunks are joined into Blobs of this size, so that the script's heap stays small; each is kept
/// for the next page.
const PIECE_BYTES: u64 = 8 << 20;
/// Files below this size are sooner fetched again than looked for.
const MIN_KEPT_BYTES: u64 = 1 << 20;
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
    /// Where an unfinished download is kept, and under which name.
    pub shelf: Option<(&'a Shelf, &'a str)>,
}

impl<'a> Ask<'a> {
    /// Where the parts are kept, of a file that is worth it.
    fn shelf(&self) -> Option<(&'a Shelf, &'a str)> {
        self.shelf.filter(|_| self.n_bytes.is_none_or(|n_bytes| n_bytes >= MIN_KEPT_BYTES))
    }

    async fn drop_pieces(&self) {
        if let Some((shelf, key)) = self.shelf() {
            shelf.drop_pieces(key).await;
        }
    }
}

/// A finished download.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// Its bytes.
    pub blob: Blob,
    /// Their hash in hexadecimal.
    pub sha256: String,
    /// Whether their origin published the same hash.
    pub is_published: bool,
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
    /// Pieces that the browser's cache has; none any more after it took one not.
    n_shelved: Option<u32>,
    /// The hash that the server published along with the file.
    linked: Option<String>,
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
        let mut partial = match kept {
            Some(partial) => partial,
            None => Partial::from_shelf(ask, ticket).await?,
        };
        let stop = match persist(ask, ticket, &mut partial, &mut progress).await {
            Ok(()) => {
                let finished = finish(ask, partial);
                if finished.is_err() {
                    ask.drop_pieces().await;
                }
                return finished;
            }
            Err(stop) => stop,
        };
        if partial.received > 0 {
            // With nothing pending the next page goes on exactly here.
            if partial.settle().is_ok() {
                partial.shelve(ask).await;
            }
            self.partials.borrow_mut().insert(ask.url.to_owned(), partial);
        }
        Err(stop)
    }
}

/// Asks until the file is there or nothing helps.
async fn persist(
    ask: &Ask<'_>,
    ticket: &Ticket,
    partial: &mut Partial,
    progress: &mut impl FnMut(u64, Option<u64>),
) -> Result<(), Stop> {
    let (mut n_busy, mut n_breaks, mut started_over) = (0, 0, false);
    loop {
        ticket.check()?;
        let before = partial.received;
        match request(ask, ticket, partial, n_busy, progress).await {
            Ok(()) => return Ok(()),
            Err(Break::StartOver) if !started_over => {
                started_over = true;
                partial.start_over(ask).await;
            }
            Err(Break::StartOver) => {
                let what = "the server sends other parts than asked for";
                return Err(ask.wanted.fault(what, "Load it again in a while.").into());
            }
            Err(Break::Busy { after_ms, .. }) if n_busy + 1 < http::MAX_ATTEMPTS => {
                n_busy += 1;
                wait(after_ms, ticket).await?;
            }
            Err(Break::Busy { fault, .. }) => return Err(fault.into()),
            Err(Break::Broken(_)) if partial.received > before && n_breaks < MAX_BREAKS => {
                n_breaks += 1;
            }
            Err(Break::Broken(problem)) => {
                let online = js::scope().navigator().on_line();
                let kept = partial.received;
                return Err(http::unreachable_fault(ask.wanted, online, &problem, kept).into());
            }
            Err(Break::End(stop)) => return Err(stop),
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
        partial.start_over(ask).await;
    }
    partial.linked =
        response.headers().get("X-Linked-Etag").ok().flatten().and_then(http::sha256_of);
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
        partial.shelve(ask).await;
        progress(partial.received, total);
        ticket.check().map_err(Break::End)?;
        if ask.n_bytes.is_some_and(|n_bytes| partial.received > n_bytes) {
            let _cancelled = reader.cancel();
            let what = format!("is longer than the {} expected", megabytes(total.unwrap_or(0)));
            let stop = ask.wanted.fault(what, "The file was replaced; load it again later.").into();
            partial.start_over(ask).await;
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
    let linked = partial.linked.clone();
    let blob = partial.into_blob().map_err(no_memory)?;
    let published = ask.sha256.or(linked.as_deref());
    check_hash(ask.wanted, &sha256, published)?;
    Ok(Fetched { blob, sha256, is_published: published.is_some() })
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
    /// What an earlier page left of a file.
    async fn from_shelf(ask: &Ask<'_>, ticket: &Ticket) -> Result<Self, Stop> {
        let mut partial = Self { n_shelved: Some(0), ..Self::default() };
        let Some((shelf, key)) = ask.shelf() else { return Ok(partial) };
        for piece in shelf.pieces(key).await {
            if hash_into(&mut partial.hasher, &piece, ticket).await?.is_err() {
                // Hashed in part: nothing of it can be used.
                partial.start_over(ask).await;
                return Ok(partial);
            }
            partial.received += piece.size() as u64;
            partial.pieces.push(piece.as_ref());
        }
        partial.n_shelved = Some(partial.pieces.length());
        if ask.n_bytes.is_some_and(|n_bytes| partial.received > n_bytes) {
            partial.start_over(ask).await;
        }
        Ok(partial)
    }

    async fn start_over(&mut self, ask: &Ask<'_>) {
        *self = Self { n_shelved: Some(0), ..Self::default() };
        ask.drop_pieces().await;
    }

    /// Hands the pieces that are new to the browser's cache, as long as it takes them.
    async fn shelve(&mut self, ask: &Ask<'_>) {
        let Some((shelf, key)) = ask.shelf() else { return };
        while let Some(idx) = self.n_shelved.filter(|&n| n < self.pieces.length()) {
            let kept = shelf.keep_piece(key, idx, self.pieces.get(idx).unchecked_ref()).await;
            self.n_shelved = kept.ok().map(|()| idx + 1);
        }
    }

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
        if self.n_pending == 0 {
            return Ok(());
        }
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
