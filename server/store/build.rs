//! Embeds the migrations, so that the binary carries its schema: every `NNNN_name.sql` of both folders.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let root = root.join("../..").join("migrations");
    let mut source = String::new();
    for (constant, folder) in [("SQLITE", "sqlite"), ("POSTGRES", "postgres")] {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        list(&mut source, constant, &folder);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("migrations.rs");
    fs::write(out, source).expect("the output folder is writable");
}

fn list(source: &mut String, constant: &str, folder: &Path) {
    let entries = fs::read_dir(folder).expect("the migrations folder is there");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    writeln!(source, "pub(super) static {constant}: &[Migration] = &[").expect("a string grows");
    for path in files {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("plain file names");
        let (number, name) = stem.split_once('_').expect("migrations are called NNNN_name.sql");
        let number: i64 = number.parse().expect("migrations start with their number");
        let path = path.canonicalize().expect("the file is there");
        writeln!(
            source,
            "    Migration {{ version: {number}, name: {name:?}, sql: include_str!({path:?}) }},"
        )
        .expect("a string grows");
    }
    source.push_str("];\n");
}
