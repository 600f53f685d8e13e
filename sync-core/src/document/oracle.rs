//! Automerge as the oracle: the document rebuilt in Automerge must say what ours says.
//!
//! Used by tests and by the server's `verify`; never on the path of a request.

use automerge::{Automerge, ObjId, ReadDoc, ScalarValue, Value as AmValue};

use super::{Document, Refusal, rebuild};
use crate::value::Value;

/// What our state and Automerge's say differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document and Automerge disagree about {what}")]
pub struct Disagreement {
    /// Section, key or heads.
    pub what: String,
}

/// Why a comparison failed.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// They differ.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// Our own log does not build.
    #[error("a change of the log does not build: {0}")]
    Refusal(#[from] Refusal),
    /// Automerge rejects what we built.
    #[error("automerge: {0}")]
    Automerge(#[from] automerge::AutomergeError),
}

impl Document {
    /// The same document in Automerge, built from the typed changes in one batch.
    pub fn to_automerge(&self) -> Result<Automerge, OracleError> {
        let mut changes = vec![rebuild::automerge_genesis(self.id.kind)];
        for (change, _) in &self.changes {
            changes.push(self.automerge_change(change)?);
        }
        let mut automerge = Automerge::new();
        automerge.apply_changes(changes)?;
        Ok(automerge)
    }

    /// Rebuilds the document in Automerge, saves and loads that, and compares every value.
    pub fn check_by_oracle(&self) -> Result<(), OracleError> {
        let automerge = Automerge::load(&self.to_automerge()?.save())?;
        let mut heads = automerge.get_heads();
        heads.sort();
        expect(heads == self.heads(), || "heads".to_owned())?;
        for section in self.sections.keys() {
            self.check_section(&automerge, section)?;
        }
        Ok(())
    }

    fn check_section(
        &self,
        automerge: &Automerge,
        section: &crate::schema::Section,
    ) -> Result<(), OracleError> {
        let found = automerge.get(automerge::ROOT, section.as_str())?;
        let Some((AmValue::Object(_), map)) = found else {
            return Err(Disagreement { what: format!("section {section}") }.into());
        };
        let facts = self.facts(section).count();
        let keys = self.fields.get(section).map_or(0, std::collections::BTreeMap::len);
        expect(automerge.length(&map) == facts + keys, || format!("size of {section}"))?;
        for fact in self.facts(section) {
            let key = uuid::Uuid::from_bytes(*fact.id.as_bytes()).simple().to_string();
            let Some((AmValue::Object(_), record)) = automerge.get(&map, key.as_str())? else {
                return Err(Disagreement { what: format!("fact {}", fact.id) }.into());
            };
            expect(automerge.length(&record) == fact.record.len(), || format!("{}", fact.id))?;
            for (key, value) in &fact.record {
                let theirs = read(automerge, &record, key.as_str())?;
                expect(theirs.as_ref() == Some(value), || format!("{} {key}", fact.id))?;
            }
        }
        for key in self.fields.get(section).into_iter().flat_map(|fields| fields.keys()) {
            let standing = self.field_values(section, key);
            let winner = standing.last().map(|value| &value.value);
            let theirs = read(automerge, &map, key.as_str())?;
            expect(theirs.as_ref() == winner, || format!("field {section}.{key}"))?;
            let all = automerge.get_all(&map, key.as_str())?.len();
            expect(all == standing.len(), || format!("conflict of {section}.{key}"))?;
        }
        Ok(())
    }
}

fn expect(same: bool, what: impl FnOnce() -> String) -> Result<(), Disagreement> {
    if same { Ok(()) } else { Err(Disagreement { what: what() }) }
}

fn read(automerge: &Automerge, map: &ObjId, key: &str) -> Result<Option<Value>, OracleError> {
    let Some((AmValue::Scalar(scalar), _)) = automerge.get(map, key)? else { return Ok(None) };
    Ok(match scalar.as_ref() {
        ScalarValue::Null => Some(Value::Null),
        ScalarValue::Boolean(b) => Some(Value::Bool(*b)),
        ScalarValue::Int(i) => Some(Value::Int(*i)),
        ScalarValue::Str(t) => Some(Value::Text(t.to_string())),
        ScalarValue::Bytes(b) => Some(Value::Bytes(b.clone())),
        _ => None,
    })
}
