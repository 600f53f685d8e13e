//! Rows of vans: found by their plate, or by their name where the row has none.

use std::collections::BTreeSet;

use store::rows::users;
use sync_core::check;
use sync_core::id::{UserId, VanId};
use sync_core::search;
use sync_core::van::Van;

use super::apply::{Edit, Plan, Target};
use super::fields::Fields;
use super::report::RowStatus;
use super::run::{Import, Planned};
use super::unreadable;
use crate::api::edit;
use crate::api::vans::{VanChange, sets};
use crate::auth::Role;
use crate::clock::random;
use crate::http::Problem;

/// Most vans of a tenant that a file is compared with.
const MOST: usize = 5_000;
/// Vans read at a time; one can be large.
const TOGETHER: u32 = 8;

/// A van as rows are compared with it.
#[derive(Debug)]
pub struct Known {
    id: VanId,
    name: String,
    plate: Option<String>,
}

/// The vans of the tenant.
///
/// # Errors
/// `invalid` where there are too many to compare with.
pub async fn known(import: &Import) -> Result<Vec<Known>, Problem> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let some = import.store.vans(import.who.tenant, after, TOGETHER).await?;
        let Some((last, _)) = some.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(some.into_iter().map(|(van, _)| Known::of(van)));
        if all.len() > MOST {
            let detail = format!("There are more than {MOST} vans. Add further ones over the API.");
            return Err(unreadable("rows", detail));
        }
    }
}

impl Known {
    fn of(van: Van) -> Self {
        let plate = van.plate.and_then(|plate| check::plate(&plate).ok());
        let plate = plate.map(|plate| compared(&plate.value));
        Self { id: van.id, name: van.name.unwrap_or_default(), plate }
    }
}

/// A plate as plates are compared: without case, width and gaps.
fn compared(plate: &str) -> String {
    search::compact(&search::fold(plate))
}

/// Reads one row and says what it comes to.
pub async fn plan(
    import: &Import,
    known: &[Known],
    seen: &mut BTreeSet<String>,
    mut fields: Fields<'_>,
) -> Result<Planned, Problem> {
    let (plate, name) = (fields.code("plate"), fields.text("name"));
    let Some(key) = plate.clone().or_else(|| name.clone()) else {
        return Ok(Planned::without_key(fields, "plate"));
    };
    let checked =
        plate.as_deref().map(|it| check::plate(it).map_err(|wrong| edit::checked(&wrong)));
    let Some(checked) = fields.passed("plate", checked.transpose()) else {
        return Ok(Planned::refused(Some(key), fields));
    };
    let compared = checked.map(|plate| compared(&plate.value));
    let unique = compared.clone().or_else(|| name.clone()).unwrap_or_default();
    if !seen.insert(unique) {
        return Ok(Planned::twice(key, fields, "plate"));
    }
    let standing = find(known, compared.as_deref(), name.as_deref(), &mut fields);
    let technician = driver(import, &mut fields).await?;
    let equipment = fields.with("equipment", |cell| Ok(cell.list()));
    let change = VanChange {
        name: name.map(Some),
        plate: plate.map(Some),
        branch: import.branch(&mut fields).map(Some),
        technician: technician.map(Some),
        equipment: equipment.map(Some),
        active: fields.with("active", |cell| cell.flag()).map(Some),
    };
    if standing.is_none() && change.name.is_none() && fields.is_fine() {
        fields.refuse(Some("name"), "missing", "A new van needs a name.");
    }
    let sets = fields.passed("name", sets(change));
    let Some(sets) = sets.filter(|_| fields.is_fine()) else {
        return Ok(Planned::refused(Some(key), fields));
    };
    let Some(id) = standing else {
        let id = VanId::new(import.now, random());
        let note = import.who.note("van.create", id);
        let document = Some(Edit { target: Target::NewVan(id), sets, note });
        return Ok(Planned::write(key, RowStatus::Created, Plan { record: None, document }));
    };
    let note = import.who.note("van.update", id);
    let edit = Edit { target: Target::Van(id, technician), sets, note };
    let record = import.store.van_record(import.who.tenant, id).await?;
    let differs = record.is_none_or(|record| !edit.entries(&record.document).is_empty());
    if !differs {
        return Ok(Planned::unchanged(key));
    }
    Ok(Planned::write(key, RowStatus::Updated, Plan { record: None, document: Some(edit) }))
}

/// The one van a row is about, if there is one; that it could be several is noted.
fn find(
    known: &[Known],
    plate: Option<&str>,
    name: Option<&str>,
    fields: &mut Fields<'_>,
) -> Option<VanId> {
    let by_plate: Vec<&Known> =
        known.iter().filter(|van| plate.is_some() && van.plate.as_deref() == plate).collect();
    let by_name: Vec<&Known> = known.iter().filter(|van| Some(van.name.as_str()) == name).collect();
    let column = if by_plate.is_empty() { "name" } else { "plate" };
    match (&by_plate[..], &by_name[..]) {
        ([one], _) => return Some(one.id),
        ([], []) => {}
        ([], [one]) if plate.is_none() || one.plate.is_none() => return Some(one.id),
        ([], [one]) => {
            let detail = format!(
                "There is a van of this name with the plate {}. Change its plate there, or give this \
                 one another name.",
                one.plate.as_deref().unwrap_or_default()
            );
            fields.refuse(Some(column), "other_plate", detail);
        }
        _ => {
            let detail = "Several vans have this name. Give each a plate, and the rows too.";
            fields.refuse(Some(column), "several", detail);
        }
    }
    None
}

async fn driver(import: &Import, fields: &mut Fields<'_>) -> Result<Option<UserId>, Problem> {
    let Some(login) = fields.code("technician") else { return Ok(None) };
    let login = login.to_lowercase();
    let mut connection = import.store.readers().acquire().await?;
    let found = users::by_login(&mut connection, import.who.tenant, &login).await?;
    let found = found.map(|(user, _)| user);
    match found.filter(|user| user.active && user.role == Role::Technician) {
        Some(user) => Ok(Some(user.id)),
        None => {
            let detail = "There is no active technician with this login. Import technicians first.";
            fields.refuse(Some("technician"), "unknown_reference", detail);
            Ok(None)
        }
    }
}
