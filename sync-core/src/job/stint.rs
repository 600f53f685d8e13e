//! Stints: the assignments in a row to the same hands, with the steps recorded under them.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{id_of, int, text, walk_up};
use super::{Assignment, AssignmentKind, Step};
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// One technician's or provider's time on the job.
#[derive(Debug, Clone)]
pub(crate) struct Stint<'a> {
    /// The last assignment of the row.
    pub assignment: Assignment,
    /// The epochs of the row.
    pub epochs: BTreeSet<i64>,
    /// Whether it ended by a recall or because they declined.
    pub over: bool,
    /// The steps under those epochs, each with its facts, least id first.
    pub steps: BTreeMap<Step, Vec<&'a Fact>>,
}

impl Stint<'_> {
    fn of(assignment: &Assignment) -> Self {
        Self {
            epochs: BTreeSet::from([assignment.epoch]),
            assignment: assignment.clone(),
            over: false,
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

/// All stints of a job, oldest epoch first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stints<'a> {
    pub list: Vec<Stint<'a>>,
    /// Whose job it is now, as an index into `list`.
    pub present: Option<usize>,
    /// Assignments of the present epoch to other hands, when two desks did not see each other.
    pub rivals: Vec<Assignment>,
    /// The greatest epoch used.
    pub last_epoch: Option<i64>,
    /// Epoch and fact of every offer, assignment and recall.
    pub given: Vec<(i64, FactId)>,
}

impl<'a> Stints<'a> {
    pub fn of(document: &'a Document) -> Self {
        let mut epochs: BTreeMap<i64, Vec<Assignment>> = BTreeMap::new();
        let opened = walk_up(document).map(Assignment::of_walk_up);
        let given = document.facts(&section::ASSIGNMENT).filter_map(Assignment::of);
        for assignment in opened.into_iter().chain(given) {
            epochs.entry(assignment.epoch).or_default().push(assignment);
        }
        let steps = || {
            let facts = document.facts(&section::STATUS);
            facts.filter_map(|fact| Some((Step::parse(text(fact, &key::KIND)?)?, fact)))
        };
        let declines = steps().filter(|(step, _)| *step == Step::Declined);
        let declined: BTreeSet<_> = declines.filter_map(|(_, f)| int(f, &key::EPOCH)).collect();
        let mut stints = Self { last_epoch: epochs.keys().next_back().copied(), ..Self::default() };
        for (epoch, assignments) in &epochs {
            stints.add_epoch(*epoch, assignments, declined.contains(epoch));
        }
        // Reopening takes an ending back by naming its fact.
        let reopened = steps().filter(|(step, _)| *step == Step::Reopened);
        let undone: BTreeSet<_> = reopened.filter_map(|(_, f)| id_of(f, &key::VOIDS)).collect();
        for (step, fact) in steps().filter(|(_, fact)| !undone.contains(&fact.id)) {
            stints.add_step(step, fact);
        }
        stints.given = epochs.into_values().flatten().map(|a| (a.epoch, a.id)).collect();
        stints
    }

    /// The stint whose job it is now.
    pub fn present(&self) -> Option<&Stint<'a>> {
        self.list.get(self.present?)
    }

    /// Every technician who ever had the job.
    pub fn technicians(&self) -> BTreeSet<UserId> {
        self.list.iter().filter_map(|stint| stint.assignment.technician).collect()
    }

    fn add_epoch(&mut self, epoch: i64, assignments: &[Assignment], declined: bool) {
        self.rivals.clear();
        let given = |a: &&Assignment| a.kind != AssignmentKind::Recall;
        // Of several in one epoch the one with the greatest id stands, the same everywhere.
        if let Some(winner) = assignments.iter().filter(given).max_by_key(|a| a.id) {
            for rival in assignments.iter().filter(given).filter(|a| !a.same_hands(winner)) {
                self.list.push(Stint::of(rival));
                self.rivals.push(rival.clone());
            }
            let open = self.present.and_then(|index| self.list.get_mut(index));
            match open.filter(|stint| stint.assignment.same_hands(winner)) {
                Some(stint) => {
                    stint.assignment = winner.clone();
                    stint.epochs.insert(epoch);
                }
                None => {
                    self.present = Some(self.list.len());
                    self.list.push(Stint::of(winner));
                }
            }
        }
        let recalled = assignments.iter().any(|a| a.kind == AssignmentKind::Recall);
        if recalled || declined {
            self.rivals.clear();
            let ended = self.present.take().and_then(|index| self.list.get_mut(index));
            if let Some(stint) = ended {
                stint.over = true;
            }
        }
    }

    /// A step belongs to the stint of its epoch; of two rivals to its author's own.
    fn add_step(&mut self, step: Step, fact: &'a Fact) {
        let Some(epoch) = int(fact, &key::EPOCH) else { return };
        let fits = |stint: &Stint<'_>| stint.epochs.contains(&epoch);
        let own = |stint: &Stint<'_>| {
            fits(stint) && fact.author.is_some() && stint.assignment.technician == fact.author
        };
        let index = self.list.iter().rposition(own).or_else(|| self.list.iter().rposition(fits));
        if let Some(stint) = index.and_then(|index| self.list.get_mut(index)) {
            stint.steps.entry(step).or_default().push(fact);
        }
    }
}
