//! The files of a model: from the site, the hub, the visitor's disk, through the cache.

use std::rc::Rc;

use vitrine_models::weights::ByteSource;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, File};

use super::cache::{Shelf, hash};
use super::cancel::{Stop, Ticket};
use super::fetch::{Ask, Fetched};
use super::http::{Wanted, megabytes};
use super::hub::{self, Listing, Repo};
use super::js;
use super::load::{Loader, model_fault, tell_stage};
use super::post::post;
use super::rate::Rate;
use super::site::{self, SiteIndex, SiteModel};
use super::source::BlobSource;
use crate::protocol::{FileFact, FromWorker, LoadProgress, ModelSource};

/// Files of the visitor above this size are not hashed: it would take longer than loading.
const MAX_HASHED: u64 = 2 << 30;

/// The files of a model, with all that is known of them.
#[derive(Clone)]
pub(super) struct Gathered {
    /// As the page asked for it.
    pub source: ModelSource,
    /// Their bytes.
    pub files: Vec<BlobSource>,
    /// Names, sizes, hashes.
    pub facts: Vec<FileFact>,
    /// Whether all weights have the hash that was published with them.
    pub verified: bool,
    /// For people, if the source knows.
    pub title: Option<String>,
    /// SPDX expression, if the source knows.
    pub licence: Option<String>,
    /// Commit of the hub.
    pub revision: Option<String>,
}

impl Loader {
    /// The cache.
    pub async fn shelf(&self) -> Rc<Shelf> {
        if let Some(shelf) = self.shelf.borrow().clone() {
            return shelf;
        }
        let shelf = Rc::new(Shelf::open().await);
        *self.shelf.borrow_mut() = Some(Rc::clone(&shelf));
        shelf
    }

    /// The models beside the page.
    pub async fn site(&self, ticket: &Ticket) -> Result<Rc<SiteIndex>, Stop> {
        if let Some(site) = self.site.borrow().clone() {
            return Ok(site);
        }
        let (url, wanted) = (site::url(site::INDEX), site::wanted(site::INDEX));
        let bytes = self.fetch_small(&url, &wanted, ticket).await?;
        let index = Rc::new(SiteIndex::parse(&bytes)?);
        *self.site.borrow_mut() = Some(Rc::clone(&index));
        Ok(index)
    }

    /// Gets the files of a source: from the cache, the network or the disk.
    pub(super) async fn gather(
        &self,
        source: ModelSource,
        attachment: &JsValue,
        ticket: &Ticket,
    ) -> Result<Gathered, Stop> {
        match &source {
            ModelSource::Bundled(name) => {
                let site = self.site(ticket).await?;
                let model = site.find(name).ok_or_else(|| {
                    site::wanted(name)
                        .fault("there is no model of this name", "Take one of the list.")
                })?;
                self.gather_site(model, source.clone(), ticket).await
            }
            ModelSource::Files => gather_files(attachment, ticket).await,
            ModelSource::Hub { repo, revision, file } => {
                let repo = Repo::checked(repo, revision)?;
                self.gather_hub(&repo, file, ticket).await
            }
        }
    }

    async fn gather_site(
        &self,
        model: &SiteModel,
        source: ModelSource,
        ticket: &Ticket,
    ) -> Result<Gathered, Stop> {
        let needed: Vec<Need> = model
            .needed()
            .map(|file| Need {
                path: file.path.clone(),
                url: site::url(&model.file_path(file)),
                wanted: site::wanted(&file.path),
                n_bytes: Some(file.size),
                sha256: Some(file.sha256.clone()),
                cache_key: file.cache_key(),
            })
            .collect();
        let (files, facts) = self.fetch_all(&needed, ticket).await?;
        Ok(Gathered {
            source,
            files,
            verified: is_verified(&facts),
            facts,
            title: Some(model.title.clone()),
            licence: Some(model.licence.clone()),
            revision: None,
        })
    }

    async fn gather_hub(&self, repo: &Repo, file: &str, ticket: &Ticket) -> Result<Gathered, Stop> {
        tell_stage(&format!("Asking the hub for {}", repo.name));
        let url = repo.listing_url(hub::HUB);
        let json = self.fetch_small(&url, &repo.wanted("the list of files"), ticket).await?;
        let listing = Listing::parse(repo, &json)?;
        let needed: Vec<Need> = listing
            .choose(repo, file)?
            .into_iter()
            .map(|file| Need {
                url: repo.file_url(hub::HUB, &listing.commit, &file.path),
                wanted: repo.wanted(&file.path),
                n_bytes: file.n_bytes,
                sha256: file.sha256,
                cache_key: repo.cache_key(&listing.commit, &file.path),
                path: file.path,
            })
            .collect();
        let (files, facts) = self.fetch_all(&needed, ticket).await?;
        Ok(Gathered {
            source: ModelSource::Hub {
                repo: repo.name.clone(),
                revision: repo.revision.clone(),
                file: file.trim().to_owned(),
            },
            files,
            verified: is_verified(&facts),
            facts,
            title: Some(repo.name.clone()),
            licence: listing.licence(),
            revision: Some(listing.commit.clone()),
        })
    }

    /// Fetches a small text that nobody pinned.
    async fn fetch_small(
        &self,
        url: &str,
        wanted: &Wanted,
        ticket: &Ticket,
    ) -> Result<Vec<u8>, Stop> {
        const MAX_BYTES: u64 = 32 << 20;
        let ask = Ask { url, wanted, n_bytes: None, sha256: None, shelf: None };
        let fetched = self.fetcher.fetch(&ask, ticket, |_, _| ()).await?;
        let source = BlobSource::new(wanted.file.clone(), fetched.blob);
        let n_bytes = source.n_bytes();
        if n_bytes > MAX_BYTES {
            let what = format!("it is {}, too long for a list", megabytes(n_bytes));
            return Err(wanted.fault(what, "Take another repository.").into());
        }
        Ok(source.read_at(0, n_bytes as usize).await.map_err(model_fault)?)
    }

    async fn fetch_all(
        &self,
        needed: &[Need],
        ticket: &Ticket,
    ) -> Result<(Vec<BlobSource>, Vec<FileFact>), Stop> {
        let shelf = self.shelf().await;
        let total: Option<u64> = needed.iter().map(|need| need.n_bytes).sum();
        let (mut files, mut facts, mut before) = (Vec::new(), Vec::new(), 0);
        let mut unkept = None;
        for need in needed {
            let fetched = self.fetch_one(need, &shelf, before, total, &mut unkept, ticket).await?;
            before += fetched.blob.size() as u64;
            facts.push(FileFact {
                name: need.path.clone(),
                bytes: fetched.blob.size() as u64,
                sha256: Some(fetched.sha256),
                published: fetched.is_published,
            });
            files.push(BlobSource::new(need.path.clone(), fetched.blob));
        }
        // Plain http has no cache at all, which the engine's badge explains.
        if let (Some(why), Shelf::Open(_)) = (unkept, shelf.as_ref()) {
            tell_stage(&format!("Loading from memory: the browser keeps no copy ({why})"));
        }
        Ok((files, facts))
    }

    async fn fetch_one(
        &self,
        need: &Need,
        shelf: &Shelf,
        before: u64,
        total: Option<u64>,
        unkept: &mut Option<String>,
        ticket: &Ticket,
    ) -> Result<Fetched, Stop> {
        let sha256 = need.sha256.as_deref();
        if let Some(found) = shelf.take(&need.cache_key, &need.wanted, sha256, ticket).await? {
            return Ok(found);
        }
        let mut rate = Rate::default();
        let stage = format!("Downloading {}", need.path);
        let ask = Ask {
            url: &need.url,
            wanted: &need.wanted,
            n_bytes: need.n_bytes,
            sha256,
            shelf: Some((shelf, &need.cache_key)),
        };
        let progress = |received: u64, of_file: Option<u64>| {
            if rate.note(js::now(), received) {
                post(&FromWorker::Progress(LoadProgress {
                    stage: stage.clone(),
                    received: before + received,
                    total: total.or(of_file.map(|of_file| before + of_file)),
                    rate: rate.per_second(),
                }));
            }
        };
        let fetched = self.fetcher.fetch(&ask, ticket, progress).await?;
        if let Err(why) = shelf.keep(&need.cache_key, &fetched).await {
            unkept.get_or_insert(why);
        }
        shelf.drop_pieces(&need.cache_key).await;
        Ok(fetched)
    }
}

/// Whether each file of weights has the hash that its origin published; so do most of the small
/// files beside them.
fn is_verified(facts: &[FileFact]) -> bool {
    let is_weights =
        |fact: &&FileFact| [".safetensors", ".gguf"].iter().any(|end| fact.name.ends_with(end));
    let mut weights = facts.iter().filter(is_weights).peekable();
    weights.peek().is_some() && weights.all(|fact| fact.published)
}

/// One file to fetch.
struct Need {
    path: String,
    url: String,
    wanted: Wanted,
    n_bytes: Option<u64>,
    sha256: Option<String>,
    cache_key: String,
}

/// The visitor's own files.
async fn gather_files(attachment: &JsValue, ticket: &Ticket) -> Result<Gathered, Stop> {
    let (mut files, mut facts) = (Vec::new(), Vec::new());
    for file in js_sys::Array::from(attachment).iter() {
        let Ok(file) = file.dyn_into::<File>() else { continue };
        let (name, blob): (String, Blob) = (file.name(), file.into());
        let bytes = blob.size() as u64;
        let sha256 = if bytes <= MAX_HASHED {
            tell_stage(&format!("Hashing {name}"));
            hash(&blob, ticket).await?.ok()
        } else {
            None
        };
        facts.push(FileFact { name: name.clone(), bytes, sha256, published: false });
        files.push(BlobSource::new(name, blob));
    }
    Ok(Gathered {
        source: ModelSource::Files,
        title: None,
        files,
        facts,
        verified: false,
        licence: None,
        revision: None,
    })
}
