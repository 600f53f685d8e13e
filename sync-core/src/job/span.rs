//! Assignment spans: the assignments in a row to the same hands, with the steps recorded under them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::access::{id_of, int, text, walk_up};
use super::causal::in_order;
use super::undo::reopenings;
use super::{Assignment, AssignmentKind, Step};
use crate::document::{Document, Fact, Rank};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// One technician's or provider's time on the job.
#[derive(Debug, Clone)]
pub(crate) struct Span<'a> {
    /// The last assignment of the row.
    pub assignment: Assignment,
    /// The assignment numbers of the row.
    pub epochs: BTreeSet<i64>,
    /// The steps under those numbers, each with its facts, least id first.
    pub steps: BTreeMap<Step, Vec<&'a Fact>>,
}

impl Span<'_> {
    fn of(assignment: &Assignment) -> Self {
        Self {
            epochs: BTreeSet::from([assignment.epoch]),
            assignment: assignment.clone(),
            steps: BTreeMap::new(),
        }
    }

    /// Whether this step was recorded.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains_key(&step)
    }

    /// Whether they left for the customer, by any sign.
    pub fn has_set_off(&self) -> bool {
        self.steps.keys().any(|step| step.is_field_work())
    }
}

/// All spans of a job, oldest assignment number first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans<'a> {
    pub list: Vec<Span<'a>>,
    /// Whose job it is now, as an index into `list`.
    pub present: Option<usize>,
    /// Assignments of the present number to other hands, when two desks did not see each other.
    pub rivals: Vec<Assignment>,
    /// The greatest assignment number used.
    pub last_epoch: Option<i64>,
    /// Number and fact of every offer, assignment and recall, least number first.
    pub given: Vec<(i64, FactId)>,
}

impl<'a> Spans<'a> {
    pub fn of(document: &'a Document) -> Self {
        let mut epochs: BTreeMap<i64, Epoch> = BTreeMap::new();
        let opened = walk_up(document).map(|fact| (fact.rank(), Assignment::of_walk_up(fact)));
        let given = in_order(document.facts(&section::ASSIGNMENT)).into_iter();
        let given = given.filter_map(|fact| Some((fact.rank(), Assignment::of(fact)?)));
        for (rank, assignment) in opened.into_iter().chain(given) {
            let epoch = epochs.entry(assignment.epoch).or_default();
            let recall = assignment.kind == AssignmentKind::Recall;
            if recall { &mut epoch.recalls } else { &mut epoch.given }.push((rank, assignment));
        }
        let steps = || {
            let facts = document.facts(&section::STATUS);
            facts.filter_map(|fact| Some((Step::parse(text(fact, &key::KIND)?)?, fact)))
        };
        // Reopening takes a step back by naming its fact.
        let undone: BTreeSet<_> =
            reopenings(document).iter().filter_map(|fact| id_of(fact, &key::VOIDS)).collect();
        let steps = || steps().filter(|(_, fact)| !undone.contains(&fact.id));
        for (_, fact) in steps().filter(|(step, _)| *step == Step::Declined) {
            let epoch = int(fact, &key::EPOCH).and_then(|epoch| epochs.get_mut(&epoch));
            epoch.into_iter().for_each(|epoch| epoch.declines.push((fact.rank(), fact.author)));
        }
        // Each in its order, the opening among them.
        epochs.values_mut().for_each(|epoch| epoch.given.sort_by_key(|(rank, _)| *rank));
        let mut spans = Self { last_epoch: epochs.keys().next_back().copied(), ..Self::default() };
        let mut places = Places { own: HashMap::new(), any: HashMap::new() };
        for (number, epoch) in &epochs {
            spans.add_epoch(*number, epoch, &mut places);
        }
        for (step, fact) in steps() {
            let span = places.find(fact).and_then(|index| spans.list.get_mut(index));
            if let Some(span) = span {
                span.steps.entry(step).or_default().push(fact);
            }
        }
        let all =
            epochs.into_values().flat_map(|epoch| epoch.given.into_iter().chain(epoch.recalls));
        spans.given = all.map(|(_, a)| (a.epoch, a.id)).collect();
        spans
    }

    /// The span whose job it is now.
    pub fn present(&self) -> Option<&Span<'a>> {
        self.list.get(self.present?)
    }

    /// Every technician who ever had the job.
    pub fn technicians(&self) -> BTreeSet<UserId> {
        self.list.iter().filter_map(|span| span.assignment.technician).collect()
    }

    /// Every technician who ever had the job, but for the one whose job it is.
    pub fn others(&self, own: Option<UserId>) -> BTreeSet<UserId> {
        let mut others = self.technicians();
        others.retain(|other| Some(*other) != own);
        others
    }

    /// The technicians whose words come after those of the performer and the office: nobody's while
    /// the job is nobody's.
    pub fn strangers(&self, performer: Option<&Span<'_>>) -> BTreeSet<UserId> {
        performer.map(|span| self.others(span.assignment.technician)).unwrap_or_default()
    }

    /// Of those given the job under one number the last who still has it stands; the others who
    /// still have it are rivals.
    fn add_epoch(&mut self, number: i64, epoch: &Epoch, places: &mut Places) {
        self.rivals.clear();
        let declined = epoch.declined();
        let recalled = epoch.recalled();
        let given = epoch.by_hands();
        let has_it = |a: &Assignment| !declined.by(a) && !recalled.from(a);
        let winner = given.iter().rposition(|a| has_it(a));
        let held = self.present.and_then(|index| self.list.get(index));
        if held.is_some_and(|span| recalled.from(&span.assignment)) {
            self.present = None;
        }
        let mut present = None;
        for (at, assignment) in given.iter().enumerate() {
            let rival = winner != Some(at) && has_it(assignment);
            let open = self.present.filter(|index| {
                let span = self.list.get(*index);
                !rival && span.is_some_and(|span| span.assignment.same_hands(assignment))
            });
            let index = open.unwrap_or(self.list.len());
            match open.and_then(|index| self.list.get_mut(index)) {
                Some(span) => {
                    span.assignment = (*assignment).clone();
                    span.epochs.insert(number);
                }
                None => self.list.push(Span::of(assignment)),
            }
            places.add(number, index, assignment.technician);
            if rival {
                self.rivals.push((*assignment).clone());
            }
            if winner == Some(at) {
                present = Some(index);
            }
        }
        if !given.is_empty() {
            self.present = present;
        }
        // What none of them wrote is about the one who has it.
        if let Some(index) = present {
            places.any.insert(number, index);
        }
    }
}

/// Who a job was given to: a technician or a provider.
type Hands<'a> = (Option<UserId>, Option<&'a str>);

fn hands(assignment: &Assignment) -> Hands<'_> {
    (assignment.technician, assignment.provider.as_deref())
}

/// What happened under one number: mostly one assignment, several where desks did not see each
/// other, or where a server was restored and gave the number again. Each list is in order.
#[derive(Default)]
struct Epoch {
    given: Vec<(Rank, Assignment)>,
    recalls: Vec<(Rank, Assignment)>,
    declines: Vec<(Rank, Option<UserId>)>,
}

impl Epoch {
    /// The last assignment to each of the hands, in order.
    fn by_hands(&self) -> Vec<&Assignment> {
        let last: HashMap<_, _> =
            self.given.iter().enumerate().map(|(at, (_, a))| (hands(a), at)).collect();
        let given = self.given.iter().enumerate();
        let given = given.filter(|(at, (_, a))| last.get(&hands(a)) == Some(at));
        given.map(|(_, (_, assignment))| assignment).collect()
    }

    /// Who declined. A technician's word is about their own assignment; the office's, for a provider
    /// or by telephone, about the last one given before it.
    fn declined(&self) -> Declined<'_> {
        let technicians: HashSet<_> = self.given.iter().filter_map(|(_, a)| a.technician).collect();
        let mut declined = Declined { themselves: HashSet::new(), told: HashSet::new() };
        for (rank, author) in &self.declines {
            if let Some(own) = author.filter(|author| technicians.contains(author)) {
                declined.themselves.insert(own);
                continue;
            }
            let before = self.given.partition_point(|(given, _)| given < rank);
            let last = before.checked_sub(1).and_then(|last| self.given.get(last));
            declined.told.extend(last.map(|(_, assignment)| hands(assignment)));
        }
        declined
    }

    fn recalled(&self) -> Recalled<'_> {
        let named: HashSet<_> = self.recalls.iter().map(|(_, recall)| hands(recall)).collect();
        Recalled { everybody: named.contains(&(None, None)), named }
    }
}

/// Who declined.
struct Declined<'a> {
    themselves: HashSet<UserId>,
    /// By the word of another.
    told: HashSet<Hands<'a>>,
}

impl Declined<'_> {
    fn by(&self, assignment: &Assignment) -> bool {
        assignment.technician.is_some_and(|own| self.themselves.contains(&own))
            || self.told.contains(&hands(assignment))
    }
}

/// From whom the job was taken back: a recall names whom; old ones name nobody and mean whoever
/// has it.
struct Recalled<'a> {
    named: HashSet<Hands<'a>>,
    everybody: bool,
}

impl Recalled<'_> {
    fn from(&self, assignment: &Assignment) -> bool {
        self.everybody || self.named.contains(&hands(assignment))
    }
}

/// Which span a step belongs to: that of its assignment number; of two rivals its author's own, and what
/// neither of them wrote is about the one who has the job.
struct Places {
    own: HashMap<(i64, UserId), usize>,
    any: HashMap<i64, usize>,
}

impl Places {
    fn add(&mut self, epoch: i64, span: usize, technician: Option<UserId>) {
        self.any.insert(epoch, span);
        if let Some(technician) = technician {
            self.own.insert((epoch, technician), span);
        }
    }

    fn find(&self, fact: &Fact) -> Option<usize> {
        let epoch = int(fact, &key::EPOCH)?;
        let own = fact.author.and_then(|author| self.own.get(&(epoch, author)));
        own.or_else(|| self.any.get(&epoch)).copied()
    }
}
