//! Which branches a caller reaches: the one gate of every write to something that belongs to a branch.

use sync_core::id::BranchId;
use sync_core::policy::Role;

use crate::http::{Code, Problem};

/// The branches someone works for: one, or all of them. Whoever works for one sees what is its own and
/// what has no branch, and puts nothing and nobody where they do not reach themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach(Option<BranchId>);

impl Reach {
    /// Of the server itself and its command line.
    pub const ALL: Self = Self(None);

    /// Of someone who works for this branch; absent for all.
    pub fn of(branch: Option<BranchId>) -> Self {
        Self(branch)
    }

    /// Whether what belongs to a branch, or to none, is seen.
    pub fn sees(self, branch: Option<BranchId>) -> bool {
        self.0.is_none() || branch.is_none() || self.0 == branch
    }

    /// The branch of something that is added: the one that was named, else the caller's own.
    pub fn home(self, named: Option<BranchId>) -> Option<BranchId> {
        named.or(self.0)
    }

    /// Lets something be written that belongs to `from` now and to `to` afterwards.
    ///
    /// # Errors
    /// `not_found` for what is not seen, `forbidden` for what would leave the caller's branch.
    pub fn moves(self, from: Option<BranchId>, to: Option<BranchId>) -> Result<(), Problem> {
        if !self.sees(from) {
            return Err(Problem::not_found());
        }
        if from == to || self.0.is_none() || self.0 == to { Ok(()) } else { Err(elsewhere()) }
    }

    /// Lets a branch itself be changed, or one be added where there is none.
    ///
    /// # Errors
    /// `forbidden` for any but the caller's own.
    pub fn owns(self, branch: Option<BranchId>) -> Result<(), Problem> {
        if self.0.is_none() || self.0 == branch { Ok(()) } else { Err(elsewhere()) }
    }

    /// Lets an account be written. Of staff, those without a branch work for all of them.
    ///
    /// # Errors
    /// As [`Reach::moves`], and `forbidden` for staff who reach further than the caller.
    pub fn person(
        self,
        from: Option<(Role, Option<BranchId>)>,
        to: (Role, Option<BranchId>),
    ) -> Result<(), Problem> {
        self.moves(from.and_then(|(_, branch)| branch), to.1)?;
        for (role, branch) in from.into_iter().chain([to]) {
            if role != Role::Technician || from.is_none() {
                self.owns(branch)?;
            }
        }
        Ok(())
    }
}

/// The answer to who would write, or give someone, what is not of their branch.
fn elsewhere() -> Problem {
    let detail = "You work for one branch. Ask someone who works for all of them.";
    Problem::new(Code::Forbidden).reason("other_branch").field("branch").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (Option<BranchId>, Option<BranchId>) {
        (Some(BranchId::new(1, [1; 10])), Some(BranchId::new(2, [2; 10])))
    }

    fn code(done: Result<(), Problem>) -> Option<Code> {
        done.err().map(|problem| problem.code())
    }

    #[test]
    fn who_works_for_one_branch_puts_nothing_elsewhere() {
        let (north, south) = ids();
        let reach = Reach::of(north);
        for (from, to, refused) in [
            (north, north, None),
            (None, north, None),
            (None, None, None),
            (north, None, Some(Code::Forbidden)),
            (north, south, Some(Code::Forbidden)),
            (None, south, Some(Code::Forbidden)),
            (south, south, Some(Code::NotFound)),
            (south, north, Some(Code::NotFound)),
        ] {
            assert_eq!(code(reach.moves(from, to)), refused, "{from:?} to {to:?}");
            assert_eq!(code(Reach::ALL.moves(from, to)), None);
        }
    }

    #[test]
    fn who_works_for_one_branch_makes_nobody_reach_further_and_leaves_alone_who_does() {
        use Role::{Manager, Technician};
        let (north, south) = ids();
        let reach = Reach::of(north);
        for (from, to, refused) in [
            (Some((Technician, None)), (Technician, None), None),
            (Some((Technician, north)), (Manager, north), None),
            (Some((Technician, None)), (Manager, None), Some(Code::Forbidden)),
            (Some((Technician, north)), (Manager, None), Some(Code::Forbidden)),
            (Some((Manager, None)), (Manager, None), Some(Code::Forbidden)),
            (Some((Manager, None)), (Manager, north), Some(Code::Forbidden)),
            (Some((Manager, south)), (Manager, north), Some(Code::NotFound)),
            (None, (Technician, None), Some(Code::Forbidden)),
            (None, (Manager, south), Some(Code::Forbidden)),
            (None, (Manager, north), None),
        ] {
            assert_eq!(code(reach.person(from, to)), refused, "{from:?} to {to:?}");
            assert_eq!(code(Reach::ALL.person(from, to)), None);
        }
    }
}
