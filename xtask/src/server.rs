//! A small static web server for `serve`: one folder, GET and HEAD, ranges, right MIME types.
//! It listens on the loopback address unless told otherwise and never leaves its folder.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Longest request line or header line that is read.
const MAX_LINE: u64 = 8 * 1024;
/// Most header lines that are read.
const MAX_HEADERS: usize = 100;
/// How long a silent connection is kept.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    root: Arc<Path>,
}

impl Server {
    /// Listens on `host:port`; port 0 takes any that is free.
    pub fn bind(host: &str, port: u16, root: &Path) -> Result<Self> {
        let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
        let listener = TcpListener::bind((host, port)).with_context(|| {
            format!("cannot listen on {host}:{port}; try another with `--port N`, or `--port 0`")
        })?;
        Ok(Self { listener, root: root.into() })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Answers until the process ends; a thread a connection.
    pub fn run(&self) -> Result<()> {
        for stream in self.listener.incoming() {
            let Ok(stream) = stream else { continue };
            let root = Arc::clone(&self.root);
            std::thread::spawn(move || {
                // A browser that closes its connection half-way is nothing to report.
                let _ = serve_connection(stream, &root);
            });
        }
        Ok(())
    }
}

struct Request {
    method: String,
    target: String,
    range: Option<String>,
    if_none_match: Option<String>,
    keep_alive: bool,
}

fn serve_connection(stream: TcpStream, root: &Path) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let request = match read_request(&mut reader)? {
            Parsed::Request(request) => request,
            Parsed::Malformed => return plain(&mut writer, 400, "this is no HTTP request", false),
            Parsed::End => return Ok(()),
        };
        respond(&mut writer, &request, root)?;
        if !request.keep_alive {
            return Ok(());
        }
    }
}

enum Parsed {
    Request(Request),
    Malformed,
    End,
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Parsed> {
    let Some(line) = read_line(reader)? else { return Ok(Parsed::End) };
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Ok(Parsed::Malformed);
    };
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        range: None,
        if_none_match: None,
        keep_alive: version == "HTTP/1.1",
    };
    for _ in 0..MAX_HEADERS {
        let Some(line) = read_line(reader)? else { return Ok(Parsed::End) };
        if line.is_empty() {
            return Ok(Parsed::Request(request));
        }
        let Some((name, value)) = line.split_once(':') else { return Ok(Parsed::Malformed) };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.to_owned()),
            "if-none-match" => request.if_none_match = Some(value.to_owned()),
            "connection" if value.eq_ignore_ascii_case("close") => request.keep_alive = false,
            // A body would be taken for the next request.
            "content-length" | "transfer-encoding" if value != "0" => return Ok(Parsed::Malformed),
            _ => {}
        }
    }
    Ok(Parsed::Malformed)
}

/// One line without its end; nothing at the end of the stream or past `MAX_LINE`.
fn read_line(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

fn respond(writer: &mut TcpStream, request: &Request, root: &Path) -> std::io::Result<()> {
    let is_head = request.method == "HEAD";
    if !is_head && request.method != "GET" {
        return plain(writer, 405, "only GET and HEAD are answered", request.keep_alive);
    }
    let Some((path, mut file)) = open(root, &request.target) else {
        return plain(writer, 404, "there is no such file", request.keep_alive);
    };
    let meta = file.metadata()?;
    let size = meta.len();
    let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let etag = format!("\"{size:x}-{:x}\"", changed.unwrap_or_default().as_nanos());
    let mut head = format!(
        "ETag: {etag}\r\nCache-Control: no-cache\r\nAccept-Ranges: bytes\r\nContent-Type: {}\r\n\
         X-Content-Type-Options: nosniff\r\n",
        mime(&path)
    );
    if request.if_none_match.as_deref() == Some(etag.as_str()) {
        return send_head(writer, 304, &head, 0, request.keep_alive);
    }
    let (status, start, length) = match request.range.as_deref().map(|text| range(text, size)) {
        None | Some(Range::Ignored) => (200, 0, size),
        Some(Range::Part(start, end)) => {
            head.push_str(&format!("Content-Range: bytes {start}-{end}/{size}\r\n"));
            (206, start, end - start + 1)
        }
        Some(Range::Unsatisfiable) => {
            head.push_str(&format!("Content-Range: bytes */{size}\r\n"));
            return send_head(writer, 416, &head, 0, request.keep_alive);
        }
    };
    send_head(writer, status, &head, length, request.keep_alive)?;
    if !is_head {
        file.seek(SeekFrom::Start(start))?;
        std::io::copy(&mut file.take(length), writer)?;
    }
    Ok(())
}

fn plain(writer: &mut TcpStream, status: u16, text: &str, alive: bool) -> std::io::Result<()> {
    let head = "Content-Type: text/plain; charset=utf-8\r\n";
    send_head(writer, status, head, text.len() as u64, alive)?;
    writer.write_all(text.as_bytes())
}

fn send_head(
    writer: &mut TcpStream,
    status: u16,
    head: &str,
    length: u64,
    alive: bool,
) -> std::io::Result<()> {
    let reason = match status {
        200 => "OK",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Range Not Satisfiable",
    };
    let connection = if alive { "keep-alive" } else { "close" };
    // A 304 has no body, and a length of 0 would speak of the file.
    let length = match status {
        304 => String::new(),
        _ => format!("Content-Length: {length}\r\n"),
    };
    let text =
        format!("HTTP/1.1 {status} {reason}\r\n{head}{length}Connection: {connection}\r\n\r\n");
    writer.write_all(text.as_bytes())
}

/// The file that a request's target names, opened; nothing outside `root` is.
fn open(root: &Path, target: &str) -> Option<(PathBuf, File)> {
    let path = target.split(['?', '#']).next()?;
    let decoded = percent_decoded(path.strip_prefix('/')?)?;
    let relative = Path::new(&decoded);
    if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
        return None;
    }
    let mut full = root.join(relative);
    if decoded.is_empty() || decoded.ends_with('/') {
        full.push("index.html");
    }
    // Symbolic links must not lead out either.
    let full = full.canonicalize().ok()?;
    if !full.starts_with(root) || !full.is_file() {
        return None;
    }
    let file = File::open(&full).ok()?;
    Some((full, file))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
            }
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains(['\0', '\\']))
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// First and last byte, both included.
    Part(u64, u64),
    /// Several ranges or no understandable one: the whole file is a right answer.
    Ignored,
    Unsatisfiable,
}

fn range(text: &str, size: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|text| text.split_once('-'))
    else {
        return Range::Ignored;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size => Range::Unsatisfiable,
        (Ok(first), Ok(last)) if last < first => Range::Ignored,
        (Ok(first), Ok(last)) => Range::Part(first, last.min(size - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Range::Part(first, size - 1),
        (Err(_), Ok(n_last)) if first.is_empty() => match n_last.min(size) {
            0 => Range::Unsatisfiable,
            n_last => Range::Part(size - n_last, size - 1),
        },
        _ => Range::Ignored,
    }
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=0-9", 100), Range::Part(0, 9));
        assert_eq!(range("bytes=90-", 100), Range::Part(90, 99));
        assert_eq!(range("bytes=-10", 100), Range::Part(90, 99));
        assert_eq!(range("bytes=-1000", 100), Range::Part(0, 99));
        assert_eq!(range("bytes=50-1000", 100), Range::Part(50, 99));
        assert_eq!(range("bytes=100-", 100), Range::Unsatisfiable);
        assert_eq!(range("bytes=0-", 0), Range::Unsatisfiable);
        assert_eq!(range("bytes=-0", 100), Range::Unsatisfiable);
        assert_eq!(range("bytes=9-0", 100), Range::Ignored);
        assert_eq!(range("bytes=0-1,4-5", 100), Range::Ignored);
        assert_eq!(range("lines=0-1", 100), Range::Ignored);
    }

    /// One server for all tests, over a folder made for them.
    fn address() -> SocketAddr {
        static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
        *ADDRESS.get_or_init(|| {
            let dir = crate::workspace::scratch("test-server");
            let site = dir.join("site");
            std::fs::create_dir_all(&site).unwrap();
            std::fs::write(dir.join("secret.txt"), "secret").unwrap();
            std::fs::write(site.join("index.html"), "<p>door</p>").unwrap();
            std::fs::write(site.join("a.wasm"), "0123456789").unwrap();
            let server = Server::bind("127.0.0.1", 0, &site).unwrap();
            let address = server.address().unwrap();
            std::thread::spawn(move || server.run());
            address
        })
    }

    /// Sends one raw request.
    fn ask(request: &str) -> String {
        let mut stream = TcpStream::connect(address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(target: &str, headers: &str) -> String {
        ask(&format!("GET {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"))
    }

    #[test]
    fn serves_files_with_their_types() {
        let answer = get("/?q=1", "");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("text/html") && answer.ends_with("<p>door</p>"), "{answer}");
        let answer = get("/a.wasm", "");
        assert!(answer.contains("Content-Type: application/wasm\r\n"), "{answer}");
        assert!(get("/none", "").starts_with("HTTP/1.1 404"));
        let answer = ask("HEAD /a.wasm HTTP/1.0\r\n\r\n");
        assert!(answer.contains("Content-Length: 10\r\n") && answer.ends_with("\r\n\r\n"));
    }

    #[test]
    fn serves_parts() {
        let answer = get("/a.wasm", "Range: bytes=2-4\r\n");
        assert!(answer.starts_with("HTTP/1.1 206"), "{answer}");
        assert!(answer.contains("Content-Range: bytes 2-4/10\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n234"), "{answer}");
        assert!(get("/a.wasm", "Range: bytes=10-\r\n").starts_with("HTTP/1.1 416"));
    }

    #[test]
    fn answers_not_modified() {
        let answer = get("/a.wasm", "");
        let etag = answer.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
        let again = get("/a.wasm", &format!("If-None-Match: {etag}\r\n"));
        assert!(again.starts_with("HTTP/1.1 304") && !again.contains("Content-Length"), "{again}");
    }

    #[test]
    fn stays_in_its_folder() {
        for target in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "//secret.txt",
            "/a.wasm/../../secret.txt",
            "/..\\secret.txt",
            "/%00",
            "/%zz",
            "secret.txt",
        ] {
            let answer = get(target, "");
            assert!(answer.starts_with("HTTP/1.1 404"), "{target}: {answer}");
        }
    }

    #[test]
    fn refuses_what_is_no_request() {
        assert!(ask("hello\r\n\r\n").starts_with("HTTP/1.1 400"));
        assert!(ask("POST / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(ask("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n").starts_with("HTTP/1.1 400"));
    }
}
