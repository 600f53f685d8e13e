//! What a desk should know of a thing: values kept as said, and what no document alone can tell.

use std::collections::BTreeSet;

use serde::Serialize;
use store::rows::{branches, users};
use sync_core::check::Unverified;
use sync_core::document::Document;
use sync_core::id::{BranchId, FactId, TenantId, UserId, VanId};
use sync_core::job::{Job, walk_up_author};
use sync_core::van::{Stock, lines_beyond};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::Problem;

/// Vans of a job that are looked at.
const VANS: usize = 4;
/// Findings in an answer.
const MOST: usize = 50;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// A value that no rule knows is kept as it was said.
    Unverified,
    /// The branch takes no new jobs.
    BranchInactive,
    /// A part says it came from a van that its technician never drove.
    PartUnassigned,
    /// The van has more lines of stock than its next record has room for.
    StockLinesFull,
    /// A former driver's count came late, and sets nothing.
    LateCount,
}

/// Something to look after. It refuses nothing, and goes away by itself once it is no longer so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeskFinding)]
pub struct Finding {
    /// What it is about.
    pub code: FindingCode,
    /// What happened and what to do, in one or two sentences.
    pub sentence: String,
    /// The field concerned, as a path such as `intake.phone`: of an unverified value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why no rule knows it: `phone_invalid`, `vin_check_digit`, `place_zero` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fact concerned, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<FactId>,
    /// The van concerned, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub van: Option<VanId>,
}

impl Finding {
    fn new(code: FindingCode, sentence: String) -> Self {
        Self { code, sentence, field: None, reason: None, fact: None, van: None }
    }
}

impl From<Unverified> for Finding {
    fn from(Unverified { field, reason, sentence, .. }: Unverified) -> Self {
        let (field, reason) = (Some(field), Some(reason));
        Self { field, reason, ..Self::new(FindingCode::Unverified, sentence) }
    }
}

/// The values that a fold found to be kept as said, for the list of a view.
pub fn unverified(found: Vec<Unverified>) -> Vec<Finding> {
    found.into_iter().map(Finding::from).collect()
}

/// What there is to say of a van besides its unverified values.
pub fn of_van(van: VanId, record: &Document, stock: &Stock) -> Vec<Finding> {
    let mut findings = Vec::new();
    let beyond = lines_beyond(record, stock);
    if beyond > 0 {
        let sentence = format!(
            "The van has {beyond} lines of stock more than its next record has room for. Count parts that are gone to zero."
        );
        let full = Finding::new(FindingCode::StockLinesFull, sentence);
        findings.push(Finding { van: Some(van), ..full });
    }
    for usage in &stock.unassigned {
        findings.push(unassigned(usage.id, van, &usage.part_no));
    }
    for count in &stock.late_counts {
        let sentence = format!(
            "A count of {} came after the van was given to the next driver, or after its record was closed. It is kept and sets nothing. Count the part if it matters.",
            count.part_no
        );
        let late = Finding::new(FindingCode::LateCount, sentence);
        findings.push(Finding { fact: Some(count.id), van: Some(van), ..late });
    }
    findings.truncate(MOST);
    findings
}

/// What there is to say of a job besides its unverified values.
///
/// # Errors
/// If the database does not answer.
pub async fn of_job(app: &App, tenant: TenantId, job: &JobFacts) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    if let Some(finding) = closed_branch(app, tenant, job).await? {
        findings.push(finding);
    }
    for van in job.vans.iter().take(VANS) {
        let Some(record) = app.store.van_record(tenant, *van).await? else { continue };
        let stock = app.store.balance(tenant, &record.document).await?;
        let of_van = of_van(*van, &record.document, &stock).into_iter();
        findings.extend(of_van.filter(|finding| match finding.code {
            FindingCode::PartUnassigned => finding.fact.is_some_and(|it| job.parts.contains(&it)),
            FindingCode::StockLinesFull => true,
            FindingCode::BranchInactive | FindingCode::LateCount | FindingCode::Unverified => false,
        }));
    }
    findings.truncate(MOST);
    Ok(findings)
}

/// What of a job is asked for.
#[derive(Debug)]
pub struct JobFacts {
    /// Its branch, where it came in without being checked against it and is not over.
    branch: Option<BranchId>,
    /// Who opened it at the roadside, where it has no branch.
    opened_by: Option<UserId>,
    vans: BTreeSet<VanId>,
    parts: BTreeSet<FactId>,
}

impl JobFacts {
    /// Reads them off a job and its document.
    pub fn of(document: &Document, job: &Job) -> Self {
        let unchecked = (job.walk_up || job.intake.follows.is_some()) && !job.state.is_over();
        let branch = job.intake.branch.filter(|_| unchecked);
        let opened_by = walk_up_author(document).filter(|_| unchecked && branch.is_none());
        let parts = || job.parts.iter().filter(|part| !part.voided);
        Self {
            branch,
            opened_by,
            vans: parts().filter_map(|part| part.van).collect(),
            parts: parts().map(|part| part.id).collect(),
        }
    }
}

async fn closed_branch(
    app: &App,
    tenant: TenantId,
    job: &JobFacts,
) -> Result<Option<Finding>, Problem> {
    if job.branch.is_none() && job.opened_by.is_none() {
        return Ok(None);
    }
    let mut connection = app.read().await?;
    let branch = match (job.branch, job.opened_by) {
        (Some(branch), _) => Some(branch),
        (None, Some(user)) => {
            users::get(&mut connection, tenant, user).await?.and_then(|user| user.branch)
        }
        (None, None) => None,
    };
    let Some(branch) = branch else { return Ok(None) };
    let found = branches::get(&mut connection, tenant, branch).await?;
    Ok(found.filter(|branch| !branch.active).map(|branch| {
        let sentence = format!(
            "{} takes no new jobs, and this one came in all the same. Give it to another branch.",
            branch.name
        );
        Finding::new(FindingCode::BranchInactive, sentence)
    }))
}

fn unassigned(fact: FactId, van: VanId, part_no: &str) -> Finding {
    let sentence = format!(
        "{part_no} is said to come from a van that its technician never drove. The stock of the van does not count it. Take the part back, or count the van."
    );
    let part = Finding::new(FindingCode::PartUnassigned, sentence);
    Finding { fact: Some(fact), van: Some(van), ..part }
}
