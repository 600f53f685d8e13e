"""Fails on files that are in the wrong place or do not say what they are."""
import pathlib
import subprocess
import sys

TOP = {"Cargo.toml", "Cargo.lock", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "server", "sync-core",
       "mobile-ffi", "migrations", "tests", "docs"}


def main() -> int:
    files = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    wrong = []
    for name in filter(None, files):
        top = name.split("/")[0]
        if top not in TOP and not top.startswith("."):
            wrong.append(f"{name}: has no place at the top level")
        if name.endswith(".rs"):
            text = pathlib.Path(name).read_text(encoding="utf-8")
            if not text.startswith("//!"):
                wrong.append(f"{name}: does not open with a //! sentence")
    sqlite = {f.name for f in pathlib.Path("migrations/sqlite").iterdir()}
    postgres = {f.name for f in pathlib.Path("migrations/postgres").iterdir()}
    for name in sqlite ^ postgres:
        wrong.append(f"migrations: {name} has no pair")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(files)} files, {len(wrong)} out of place")
    return 1 if wrong else 0


sys.exit(main())
