//! `docs/facts.md`: the catalogue of facts and fields, written from the table.

use std::fmt::Write as _;

use super::form::{Form, Need};
use super::table::{COMMON, Holds, KeySpec, KindSpec, SectionSpec, TAKES_BACK, Writers};
use super::{DocKind, Key, sections};

const HEADER: &str = "\
# Catalogue of facts

Made from the table in `sync-core/src/schema/` by `TOWLINE_WRITE_DOCS=1 cargo test -p sync-core
--test dictionary`; a test fails when they differ. Numbers of sections, keys and words are in
[dictionary.md](dictionary.md), every decision about who may write in [policy.md](policy.md).

A **fact** is added and never changed. A **field** is set, and cleared with null. A phone checks both
before it saves, the server before it admits and before a desk's edit; what is not as it says here is
refused with the code `shape`, and the sentence names the key. Keys, kinds and sections that are not
here belong to a newer version and are kept as they are. What a log holds already stays, whatever it
says: folds ignore what has no meaning, and `towline verify` lists it.

Times are Unix milliseconds, amounts minor units of their currency, quantities thousandths of a unit,
places 1e-7 degrees. In the examples `<id>` stands for the 16 bytes of a UUIDv7.
";

/// `docs/facts.md`, in Markdown.
pub fn page() -> String {
    let mut out = String::from(HEADER);
    out.push_str("\n## Keys of any fact\n\n");
    keys(&mut out, COMMON, true);
    out.push_str("\n### Taking back\n\n");
    out.push_str(
        "A fact with `voids` takes back another of its section, and says nothing else; its other keys are not\n\
         looked at. (A status fact is a step, whatever it voids.) A fact with `corrects` replaces another, and is whole itself.\n\n",
    );
    keys(&mut out, TAKES_BACK.keys, true);
    example(&mut out, None, &TAKES_BACK);
    for kind in DocKind::ALL {
        let mut title = kind.as_str().to_owned();
        title.get_mut(..1).map(str::make_ascii_uppercase);
        let _ = writeln!(out, "\n## {title}");
        for spec in sections(kind) {
            section(&mut out, spec);
        }
    }
    out
}

fn section(out: &mut String, spec: &SectionSpec) {
    let _ = writeln!(out, "\n### {}\n\n{}", spec.section, spec.means);
    let own = match &spec.holds {
        Holds::Facts { kinds, .. } => kinds.iter().any(|kind| kind.writers.is_some()),
        Holds::Fields(_) => false,
    };
    let what = if own { "Who may write what says nothing else below" } else { "Who may write" };
    writers(out, what, &spec.writers);
    match &spec.holds {
        Holds::Fields(fields) => {
            out.push('\n');
            keys(out, fields, false);
        }
        Holds::Facts { by, kinds } => {
            for kind in *kinds {
                match by {
                    Some(by) => {
                        let _ = writeln!(out, "\n**{by} = `{}`** {}", kind.word, kind.means);
                    }
                    None => {
                        let _ = writeln!(out, "\n{}", kind.means);
                    }
                }
                if let Some(own) = &kind.writers {
                    writers(out, "Who may write it", own);
                }
                out.push('\n');
                keys(out, kind.keys, true);
                demands(out, kind);
                example(out, by.as_ref(), kind);
            }
        }
    }
}

fn writers(out: &mut String, what: &str, writers: &Writers) {
    let Writers { technician, dispatcher, manager, system } = writers;
    let _ = writeln!(
        out,
        "\n{what}: technician {}; dispatcher {}; manager and administrator {}; server {}.",
        technician.sentence(),
        dispatcher.sentence(),
        manager.sentence(),
        system.sentence()
    );
}

fn keys(out: &mut String, keys: &[KeySpec], needs: bool) {
    let (title, line) = if needs { (" | needed", "|---") } else { ("", "") };
    let _ = writeln!(out, "| key | value{title} | meaning |\n|---|---{line}|---|");
    for KeySpec { key, form, need } in keys {
        let need = match (needs, need) {
            (false, _) => "",
            (true, Need::Required) => " | yes",
            (true, Need::Optional) => " | ",
        };
        let _ = writeln!(out, "| {key} | {}{need} | {} |", value(*form), key.meaning());
    }
}

fn value(form: Form) -> String {
    match form {
        Form::Usual(words) => format!("text, usually {}", ticked(words)),
        Form::Word(words) if !words.is_empty() => format!("one of {}", ticked(words)),
        other => other.to_string(),
    }
}

fn ticked(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn demands(out: &mut String, kind: &KindSpec) {
    if !kind.either.is_empty() {
        let names: Vec<_> = kind.either.iter().map(Key::as_str).collect();
        let _ = writeln!(out, "\nAt least one of {} is needed.", names.join(", "));
    }
    if let Some((first, second)) = &kind.ordered {
        let _ = writeln!(out, "\n`{second}` is greater than `{first}`.");
    }
}

fn example(out: &mut String, by: Option<&Key>, kind: &KindSpec) {
    if kind.example.is_empty() {
        return;
    }
    let told = by.map(|by| format!("\"{by}\": \"{}\"", kind.word));
    let pairs = kind.example.iter().map(|(key, sample)| format!("\"{key}\": {sample}"));
    let pairs: Vec<_> = told.into_iter().chain(pairs).collect();
    let _ = writeln!(out, "\nExample: `{{{}}}`", pairs.join(", "));
}
