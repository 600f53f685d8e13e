//! What people at desks do.

use store::writer::{EditError, EditRequest, Expect};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, Section, key, section};
use sync_core::value::{Record, Value};

use super::ledger::By;
use super::serve::clamp;
use super::taint;
use super::world::World;
use crate::random::Random;

impl World {
    /// A job of a tenant, the same one whatever other jobs there are; most often a recent one.
    fn some_job(&self, rng: &mut Random) -> Option<(u8, DocId)> {
        let (tenant, salt) = (rng.below(2) as u8, rng.next());
        let jobs = self.jobs.iter().filter(|(of, _)| *of == tenant);
        let recent = jobs.rev().take(14);
        recent.copied().max_by_key(|(_, doc)| weigh(salt, doc))
    }

    /// A technician of a tenant.
    fn some_technician(&self, tenant: u8, rng: &mut Random) -> UserId {
        rng.pick(&self.crew[usize::from(tenant)]).0
    }

    /// Has someone at a desk write to a document. Gives whether it was written.
    fn write(
        &mut self,
        tenant: u8,
        doc: DocId,
        expect: Expect,
        role: Role,
        rng: &mut Random,
        make: impl FnOnce(&Document) -> Vec<Entry> + Send,
    ) -> bool {
        let user = *rng.pick(&self.desks[usize::from(tenant)]);
        let Some(index) = self.site.any_up(rng.next()) else { return false };
        let now = clamp(self.site.wall(index, self.now));
        let id = self.tenants[usize::from(tenant)];
        let caller = Principal { user, role };
        let request = EditRequest { tenant: id, caller, doc, expect, now, note: None };
        let Some(node) = self.site.places[index].node.as_mut() else { return false };
        let mut made = Vec::new();
        let edited = node.edit::<(), _>(request, |document| {
            made = make(document);
            Ok(made.clone())
        });
        let actor = node.actor();
        self.tell();
        match edited {
            Ok(Ok(edited)) => {
                self.ledger.note(tenant, doc, &made, By::Desk);
                let seq = edited.document.seq_of(&actor);
                let last = self.ledger.promised.changes.entry((tenant, doc, actor)).or_default();
                *last = (*last).max(seq);
                for entry in &made {
                    if let Entry::Fact { id, .. } = entry {
                        self.ledger.promised.facts.insert((tenant, doc, *id));
                    }
                }
                true
            }
            Ok(Err(EditError::Changed { .. })) => {
                self.counts.met("edit found its document changed");
                false
            }
            Ok(Err(EditError::NotFound | EditError::Exists)) => false,
            Ok(Err(error)) => {
                self.fail("the office may do what it does", format!("{error}"));
                false
            }
            Err(error) => {
                self.failed(&error, 3000);
                false
            }
        }
    }

    /// Gives whether it was taken down, as do those below; of a twin, in both tenants.
    pub(super) fn call(&mut self, who: u8, rng: &mut Random, twin: bool) -> bool {
        let doc = DocId::from(JobId::new(self.now, rng.bytes()));
        let tenants: &[u8] = if twin { &[0, 1] } else { &[who % 2] };
        let mut all = true;
        for tenant in tenants {
            let remarks = taint::text(*tenant, doc, "call");
            let plate = taint::text(*tenant, doc, "plate");
            let made = self.write(*tenant, doc, Expect::New, Role::Dispatcher, rng, |document| {
                vec![
                    document.set(section::INTAKE, key::REMARKS, remarks.into()),
                    document.set(section::INTAKE, key::PLATE, plate.into()),
                ]
            });
            all &= made;
            if made {
                self.jobs.push((*tenant, doc));
                self.give(*tenant, doc, Expect::Existing, rng);
                if rng.one_in(3) {
                    self.raise_schema(*tenant, doc, rng);
                }
            }
        }
        all
    }

    pub(super) fn assign(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        self.give(tenant, doc, Expect::Existing, rng)
    }

    fn give(&mut self, tenant: u8, doc: DocId, expect: Expect, rng: &mut Random) -> bool {
        let technician = self.some_technician(tenant, rng);
        let id = FactId::new(self.now, rng.bytes());
        let make = move |document: &Document| vec![assignment(document, technician, id)];
        self.write(tenant, doc, expect, Role::Dispatcher, rng, make)
    }

    /// Two at their desks have the same page open, on two servers, and both press their button.
    pub(super) fn clash(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        let id = self.tenants[usize::from(tenant)];
        let Some(index) = self.site.any_up(rng.next()) else { return false };
        let Some(node) = self.site.places[index].node.as_ref() else { return false };
        let Ok(Some(standing)) = node.document(id, doc) else { return false };
        let mut written = 0;
        for _ in 0..2 {
            let stale = rng.one_in(2);
            let expect = if stale { Expect::At(standing.pos) } else { Expect::Existing };
            written += usize::from(match rng.below(4) {
                0 | 1 => self.give(tenant, doc, expect, rng),
                2 => self.remark(tenant, doc, expect, rng),
                _ => self.call_off(tenant, doc, expect, rng),
            });
        }
        written > 0
    }

    pub(super) fn edit(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        self.remark(tenant, doc, Expect::Existing, rng)
    }

    fn remark(&mut self, tenant: u8, doc: DocId, expect: Expect, rng: &mut Random) -> bool {
        let remarks = taint::text(tenant, doc, rng.below(1000));
        self.write(tenant, doc, expect, Role::Dispatcher, rng, |document| {
            vec![document.set(section::INTAKE, key::REMARKS, remarks.into())]
        })
    }

    pub(super) fn cancel(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        self.call_off(tenant, doc, Expect::Existing, rng)
    }

    fn call_off(&mut self, tenant: u8, doc: DocId, expect: Expect, rng: &mut Random) -> bool {
        let record = Record::from([
            (key::KIND, "cancelled".into()),
            (key::REASON, "customer_cancelled".into()),
        ]);
        self.add(tenant, doc, expect, Role::Dispatcher, section::STATUS, record, rng)
    }

    pub(super) fn charge(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        let record = Record::from([
            (key::KIND, "tow".into()),
            (key::DESCRIPTION, taint::text(tenant, doc, "tow").into()),
            (key::AMOUNT, (rng.below(90_000) as i64).into()),
            (key::CURRENCY, "TWD".into()),
        ]);
        self.add(tenant, doc, Expect::Existing, Role::Dispatcher, section::CHARGES, record, rng)
    }

    pub(super) fn settle(&mut self, rng: &mut Random) -> bool {
        let Some((tenant, doc)) = self.some_job(rng) else { return false };
        let done = Record::from([
            (key::KIND, "cancelled".into()),
            (key::REASON, "customer_cancelled".into()),
        ]);
        self.add(tenant, doc, Expect::Existing, Role::Dispatcher, section::STATUS, done, rng);
        let record = Record::from([
            (key::KIND, "accepted".into()),
            (key::TEXT, taint::text(tenant, doc, "settled").into()),
        ]);
        self.add(tenant, doc, Expect::Existing, Role::System, section::SETTLEMENT, record, rng)
    }

    pub(super) fn load(&mut self, rng: &mut Random) -> bool {
        let tenant = rng.below(2) as u8;
        let (_, van) = *rng.pick(&self.crew[usize::from(tenant)]);
        let record = Record::from([
            (key::KIND, "load".into()),
            (key::PART_NO, part(tenant, rng).into()),
            (key::QUANTITY, (1000 * (1 + rng.below(4) as i64)).into()),
        ]);
        self.add(tenant, van, Expect::Existing, Role::Manager, section::MOVEMENTS, record, rng)
    }

    /// A technician gets another's van, and a job of theirs goes to someone else.
    pub(super) fn change_van(&mut self, rng: &mut Random) -> bool {
        let tenant = rng.below(2) as u8;
        let (_, van) = *rng.pick(&self.crew[usize::from(tenant)]);
        let technician = self.some_technician(tenant, rng);
        let moved = self.write(tenant, van, Expect::Existing, Role::Manager, rng, |document| {
            let who = Value::Bytes(technician.as_bytes().to_vec());
            vec![document.set(section::DETAILS, key::TECHNICIAN, who)]
        });
        self.assign(rng);
        moved
    }

    /// A technician begins with a van, and with something in it.
    pub(super) fn give_van(&mut self, tenant: u8, user: UserId, van: DocId, index: u64) {
        let mut rng = Random::new(index);
        let name = taint::text(tenant, van, "van");
        self.write(tenant, van, Expect::New, Role::Manager, &mut rng, |document| {
            let who = Value::Bytes(user.as_bytes().to_vec());
            vec![
                document.set(section::DETAILS, key::TECHNICIAN, who),
                document.set(section::DETAILS, key::NAME, name.into()),
            ]
        });
        let record = Record::from([
            (key::KIND, "load".into()),
            (key::PART_NO, part(tenant, &mut rng).into()),
            (key::QUANTITY, 3000.into()),
        ]);
        let mut rng = self.site_rng(tenant, index);
        self.add(
            tenant,
            van,
            Expect::Existing,
            Role::Manager,
            section::MOVEMENTS,
            record,
            &mut rng,
        );
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        tenant: u8,
        doc: DocId,
        expect: Expect,
        role: Role,
        section: Section,
        record: Record,
        rng: &mut Random,
    ) -> bool {
        let id = FactId::new(self.now, rng.bytes());
        let entry = Entry::Fact { section, id, record };
        self.write(tenant, doc, expect, role, rng, |_| vec![entry])
    }

    fn site_rng(&self, tenant: u8, index: u64) -> Random {
        Random::new(self.plan.seed).fork(&format!("load {tenant} {index}"))
    }
}

/// A part number of a tenant.
pub(super) fn part(tenant: u8, rng: &mut Random) -> String {
    taint::anywhere(tenant, format!("P{}", rng.below(2)))
}

/// A number by which one of several is chosen, the same whichever others there are.
pub(super) fn weigh(salt: u64, doc: &DocId) -> u64 {
    let bytes = doc.as_bytes();
    let tail = bytes[8..].iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    Random::new(salt ^ tail).next()
}

fn assignment(document: &Document, technician: UserId, id: FactId) -> Entry {
    let epochs = document.facts(&section::ASSIGNMENT);
    let epochs = epochs.filter_map(|fact| fact.record.get(&key::EPOCH).and_then(Value::as_int));
    let record = Record::from([
        (key::KIND, "assign".into()),
        (key::EPOCH, (epochs.max().unwrap_or(0) + 1).into()),
        (key::TECHNICIAN, technician.as_bytes().to_vec().into()),
    ]);
    Entry::Fact { section: section::ASSIGNMENT, id, record }
}
