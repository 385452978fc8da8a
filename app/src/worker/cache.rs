//! Models that were fetched, in the browser's Cache Storage, keyed by what they are
//! (`repo@commit/file`, or the pinned hash). Where there is none (plain http, private windows)
//! or it is full, loads go on without it.

use js_sys::Promise;
use sha2::{Digest, Sha256};
use vitrine_models::weights::ByteSource;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, Cache, Headers, Response, ResponseInit};

use super::cancel::{Stop, Ticket};
use super::fetch::{Fetched, check_hash, hex};
use super::http::Wanted;
use super::js;
use super::source::BlobSource;

/// The cache's name; a change of layout takes another.
const NAME: &str = "vitrine-models-1";
/// Bytes hashed between two looks at the ticket.
const CHUNK: u64 = 4 << 20;

/// The cache, or the reason why there is none.
pub(super) enum Shelf {
    /// Open.
    Open(Cache),
    /// Missing, and why.
    Missing(String),
}

impl Shelf {
    /// Opens the cache.
    pub async fn open() -> Self {
        // The property itself is missing in insecure contexts.
        if js::get(&js_sys::global(), "caches").is_undefined() {
            return Self::Missing("this address is not secure (https or localhost)".to_owned());
        }
        let opening = js::scope().caches().map(|caches| caches.open(NAME));
        let opened = match opening {
            Ok(promise) => promise.await,
            Err(thrown) => Err(thrown),
        };
        match opened {
            Ok(cache) => Self::Open(cache.unchecked_into()),
            Err(thrown) => Self::Missing(js::words(&thrown)),
        }
    }

    /// Whether all of these are there.
    pub async fn has_all(&self, keys: &[String]) -> bool {
        for key in keys {
            if self.find(key).await.is_none() {
                return false;
            }
        }
        !keys.is_empty()
    }

    async fn find(&self, key: &str) -> Option<Response> {
        let Self::Open(cache) = self else { return None };
        let found = cache.match_with_str(&address(key)).await.ok()?;
        found.dyn_into().ok()
    }

    /// A file that was put there before, hashed anew: what a disk gives back is trusted as
    /// little as what a network does. A damaged entry is dropped, and an error.
    pub async fn take(
        &self,
        key: &str,
        wanted: &Wanted,
        sha256: Option<&str>,
        ticket: &Ticket,
    ) -> Result<Option<Fetched>, Stop> {
        let Some(response) = self.find(key).await else { return Ok(None) };
        let noted = response.headers().get("X-Sha256").ok().flatten();
        let is_published = response.headers().has("X-Published").unwrap_or(false);
        let blob = match response.blob() {
            Ok(promise) => promise.await,
            Err(thrown) => Err(thrown),
        };
        // An entry that cannot be read is one that is not there.
        let Ok(blob) = blob else { return Ok(None) };
        let blob: Blob = blob.unchecked_into();
        let Ok(found) = hash(&blob, ticket).await? else { return Ok(None) };
        if let Err(stop) = check_hash(wanted, &found, sha256.or(noted.as_deref())) {
            self.drop_entry(key).await;
            return Err(stop);
        }
        let is_published = sha256.is_some() || is_published;
        Ok(Some(Fetched { blob, sha256: found, is_published }))
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// With the browser's words; the file itself is as good as before.
    pub async fn keep(&self, key: &str, fetched: &Fetched) -> Result<(), String> {
        let cache = match self {
            Self::Open(cache) => cache,
            Self::Missing(why) => return Err(why.clone()),
        };
        let kept = match put(cache, key, fetched) {
            Ok(promise) => promise.await,
            Err(thrown) => Err(thrown),
        };
        kept.map(|_| ()).map_err(|thrown| why_not_kept(&thrown))
    }

    /// Keeps the next piece of a file that is not complete, for a page that comes after this one.
    ///
    /// # Errors
    /// With the browser's words.
    pub async fn keep_piece(&self, key: &str, idx: u32, piece: &Blob) -> Result<(), String> {
        let cache = match self {
            Self::Open(cache) => cache,
            Self::Missing(why) => return Err(why.clone()),
        };
        let put = Response::new_with_opt_blob(Some(piece))
            .map(|response| cache.put_with_str(&address(&piece_key(key, idx)), &response));
        let kept = match put {
            Ok(promise) => promise.await,
            Err(thrown) => Err(thrown),
        };
        kept.map(|_| ()).map_err(|thrown| why_not_kept(&thrown))
    }

    /// The pieces of a file that an earlier page did not complete, in their order.
    pub async fn pieces(&self, key: &str) -> Vec<Blob> {
        let mut pieces = Vec::new();
        while let Some(response) = self.find(&piece_key(key, pieces.len() as u32)).await {
            let blob = match response.blob() {
                Ok(promise) => promise.await,
                Err(thrown) => Err(thrown),
            };
            match blob {
                Ok(blob) => pieces.push(blob.unchecked_into()),
                Err(_) => break,
            }
        }
        pieces
    }

    /// Forgets the pieces of a file.
    pub async fn drop_pieces(&self, key: &str) {
        let Self::Open(cache) = self else { return };
        for idx in 0.. {
            let gone = cache.delete_with_str(&address(&piece_key(key, idx))).await;
            if !gone.is_ok_and(|gone| gone.is_truthy()) {
                return;
            }
        }
    }

    async fn drop_entry(&self, key: &str) {
        if let Self::Open(cache) = self {
            let _dropped = cache.delete_with_str(&address(key)).await;
        }
    }
}

fn put(cache: &Cache, key: &str, fetched: &Fetched) -> Result<Promise, JsValue> {
    let headers = Headers::new()?;
    headers.set("X-Sha256", &fetched.sha256)?;
    if fetched.is_published {
        headers.set("X-Published", "yes")?;
    }
    let init = ResponseInit::new();
    init.set_headers(&headers);
    let response = Response::new_with_opt_blob_and_init(Some(&fetched.blob), &init)?;
    Ok(cache.put_with_str(&address(key), &response))
}

fn why_not_kept(thrown: &JsValue) -> String {
    match js::name_of(thrown).as_str() {
        "QuotaExceededError" => "the browser's storage is full".to_owned(),
        _ => js::words(thrown),
    }
}

/// The cache's name of a piece of an incomplete file.
fn piece_key(key: &str, idx: u32) -> String {
    format!("piece/{idx}/{key}")
}

/// Keys of the cache are addresses; these are never fetched.
fn address(key: &str) -> String {
    format!("/vitrine-cache/{key}")
}

/// The hash of a Blob; none if it cannot be read.
pub(super) async fn hash(blob: &Blob, ticket: &Ticket) -> Result<Result<String, ()>, Stop> {
    let mut hasher = Sha256::new();
    let read = hash_into(&mut hasher, blob, ticket).await?;
    Ok(read.map(|()| hex(&hasher.finalize())))
}

/// Hashes a Blob; an inner error if it cannot be read to its end.
pub(super) async fn hash_into(
    hasher: &mut Sha256,
    blob: &Blob,
    ticket: &Ticket,
) -> Result<Result<(), ()>, Stop> {
    let source = BlobSource::new("", blob.clone());
    let mut at = 0;
    while at < source.n_bytes() {
        ticket.check()?;
        let n_bytes = CHUNK.min(source.n_bytes() - at);
        match source.read_at(at, n_bytes as usize).await {
            Ok(bytes) => hasher.update(bytes),
            Err(_) => return Ok(Err(())),
        }
        at += n_bytes;
    }
    Ok(Ok(()))
}
