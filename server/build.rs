//! Puts the console (`server/console`) into the program: each file as it is and gzipped, and the hash of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

const MEDIA: [(&str, &str); 5] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("console");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=console");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = BTreeMap::new();
    collect(&root, "", &mut files)?;
    let mut hash = Sha256::new();
    for (name, bytes) in &files {
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    let tree = hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if let Some(index) = files.get_mut("index.html") {
        let text = String::from_utf8_lossy(index).replace("{tree}", &tree);
        *index = text.into_bytes();
        let links = modules(&files).into_iter().fold(String::new(), |links, name| {
            links + &format!("<link rel=\"modulepreload\" href=\"/c/{tree}/{name}\">\n")
        });
        if let Some(index) = files.get_mut("index.html") {
            *index =
                String::from_utf8_lossy(index).replace("<!-- modules -->\n", &links).into_bytes();
        }
    }
    let folder = out.join("console");
    fs::create_dir_all(&folder)?;
    let mut table = format!("const TREE: &str = {tree:?};\nconst FILES: &[File] = &[\n");
    for (at, (name, bytes)) in files.iter().enumerate() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes)?;
        let (plain, gzip) = (folder.join(at.to_string()), folder.join(format!("{at}.gz")));
        write_if_other(&plain, bytes)?;
        write_if_other(&gzip, &packed.finish()?)?;
        let extension = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or_default();
        let media =
            MEDIA.iter().find(|(known, _)| *known == extension).map_or("", |(_, media)| media);
        let _ = writeln!(
            table,
            "File {{ name: {name:?}, media: {media:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({gzip:?}) }},"
        );
    }
    table.push_str("];\n");
    fs::write(out.join("console.rs"), table)
}

/// The files below `folder` that browsers ask for, by their name in it.
fn collect(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), into)?;
        } else if name != "vendor/lock.json"
            && MEDIA.iter().any(|(it, _)| name.ends_with(&format!(".{it}")))
        {
            into.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// What `main.js` imports at its start, directly or through others: a browser fetches all of it at
/// once instead of one after the other.
fn modules(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec!["main.js".to_owned()]);
    while let Some(name) = open.pop() {
        let Some(bytes) = files.get(&name) else { continue };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !found.insert(name.clone()) {
            continue;
        }
        for part in text.split("from").skip(1) {
            let part = part.trim_start();
            let Some(quote) = part.chars().next().filter(|it| matches!(it, '"' | '\'')) else {
                continue;
            };
            if let Some(path) = part[1..].split(quote).next().filter(|path| path.starts_with('.')) {
                open.push(resolve(folder, path));
            }
        }
    }
    found
}

fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

fn write_if_other(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) { Ok(()) } else { fs::write(path, bytes) }
}
