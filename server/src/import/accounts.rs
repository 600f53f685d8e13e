//! Rows of people: staff, and technicians with their records.

use std::collections::BTreeSet;

use store::rows::users::{self, User};
use sync_core::document::Document;
use sync_core::id::UserId;
use sync_core::schema::DocId;

use super::Kind;
use super::apply::{Edit, Plan, Record, Target};
use super::fields::Fields;
use super::report::RowStatus;
use super::run::{Adding as _, Import, Planned};
use crate::api::users::is_in_person;
use crate::api::{check, technicians, users as people};
use crate::auth::Role;
use crate::clock::random;
use crate::http::Problem;

/// Reads one row and says what it comes to.
pub async fn plan(
    import: &Import,
    seen: &mut BTreeSet<String>,
    mut fields: Fields<'_>,
) -> Result<Planned, Problem> {
    let is_technicians = import.kind == Kind::Technicians;
    let Some(login) = fields.code("login") else {
        return Ok(Planned::without_key(fields, "login"));
    };
    let Some(login) = fields.passed("login", check::login("login", &login)) else {
        return Ok(Planned::refused(Some(login), fields));
    };
    if !seen.insert(login.clone()) {
        return Ok(Planned::twice(login, fields, "login"));
    }
    if fields.text("password").is_some() {
        let detail =
            "Passwords do not belong in a file. Leave the column out, and send people a link.";
        fields.refuse(Some("password"), "password", detail);
    }
    let mut connection = import.store.readers().acquire().await?;
    let standing = users::by_login(&mut connection, import.who.tenant, &login).await?;
    drop(connection);
    let standing = standing.map(|(user, _)| user);
    let role = if is_technicians { Some(Role::Technician) } else { role(&mut fields) };
    let branch = import.branch(&mut fields);
    let (name, language) = (fields.text("name"), fields.text("language"));
    let phone = if is_technicians { fields.code("phone") } else { None };
    let provider = if is_technicians { fields.text("provider") } else { None };
    check_standing(import, standing.as_ref(), role, &mut fields);
    let role = role.or_else(|| standing.as_ref().map(|user| user.role));
    let name = name.or_else(|| standing.as_ref().map(|user| user.name.clone()));
    for (missing, key) in [(name.is_none(), "name"), (role.is_none(), "role")] {
        if missing && fields.is_fine() {
            fields.refuse(Some(key), "missing", format!("A new person needs a {key}."));
        }
    }
    let (Some(name), Some(role)) = (name, role) else {
        return Ok(Planned::refused(Some(login), fields));
    };
    let user = match &standing {
        Some(old) => User {
            name,
            branch: branch.or(old.branch),
            language: language.unwrap_or_else(|| old.language.clone()),
            ..old.clone()
        },
        None => User {
            id: UserId::new(import.now, random()),
            login: login.clone(),
            name,
            role,
            branch,
            language: language.unwrap_or_else(|| "en".to_owned()),
            active: true,
            deactivated_at: None,
            has_password: false,
            version: 1,
            created_at: import.now,
        },
    };
    let user = fields.passed("name", people::normal(user));
    let region = import.dialled(user.as_ref().and_then(|user| user.branch));
    let details = technicians::checked_fields(Some(region), phone.map(Some), provider.map(Some));
    let sets = fields.passed("phone", details);
    let (Some(user), Some(sets), true) = (user, sets, fields.is_fine()) else {
        return Ok(Planned::refused(Some(login), fields));
    };
    let differs = standing.as_ref() != Some(&user);
    let (action, version) = match &standing {
        Some(old) => ("user.update", old.version),
        None => ("user.create", 0),
    };
    let record = differs.then(|| {
        let note = import.who.note(action, user.id);
        Record::User(user.clone(), version, note.adding("role", user.role.as_str()))
    });
    let document = if user.role == Role::Technician {
        let action = if standing.is_some() { "technician.update" } else { "technician.create" };
        let note = import.who.note(action, user.id);
        let edit = Edit { target: Target::Technician(Box::new(user.clone()), region), sets, note };
        changes(import, DocId::from(user.id), edit).await?
    } else {
        None
    };
    Ok(match (&standing, record.is_some() || document.is_some()) {
        (_, false) => Planned::unchanged(login),
        (None, true) => Planned::write(login, RowStatus::Created, Plan { record, document }),
        (Some(_), true) => Planned::write(login, RowStatus::Updated, Plan { record, document }),
    })
}

/// The edit, if it changes anything of the document.
async fn changes(import: &Import, doc: DocId, edit: Edit) -> Result<Option<Edit>, Problem> {
    let standing = import.store.document(import.who.tenant, doc).await?;
    let document = standing.map_or_else(|| Document::new(doc), |standing| standing.document);
    Ok((!edit.entries(&document).is_empty()).then_some(edit))
}

fn role(fields: &mut Fields<'_>) -> Option<Role> {
    let word = fields.text("role")?;
    let role = match word.to_lowercase().as_str() {
        "技師" | "技师" => Some(Role::Technician),
        "派遣員" | "調度員" | "调度员" | "派单员" => Some(Role::Dispatcher),
        "經理" | "主管" | "经理" => Some(Role::Manager),
        "admin" | "管理員" | "管理员" => Some(Role::Administrator),
        word => Role::parse(word).filter(|role| *role != Role::System),
    };
    if role.is_none() {
        let detail = "Write technician, dispatcher, manager or administrator.";
        fields.refuse(Some("role"), "role", detail);
    }
    role
}

/// What an import does to nobody: a role has consequences for open work that the API takes care of.
fn check_standing(
    import: &Import,
    standing: Option<&User>,
    role: Option<Role>,
    fields: &mut Fields<'_>,
) {
    let old = standing.map(|user| user.role);
    if let (Some(old), Some(new)) = (old, role)
        && old != new
    {
        let detail = format!(
            "This login is of a {}. An import changes no role: change it in the user's account.",
            old.as_str()
        );
        let key = if import.kind == Kind::Users { "role" } else { "login" };
        fields.refuse(Some(key), "role_differs", detail);
    }
    if standing.is_some_and(|user| !user.active) {
        let detail = "This person may not log in. Make them active in their account first.";
        fields.refuse(Some("login"), "inactive", detail);
    }
    if import.who.is_token && [old, role].into_iter().flatten().any(is_in_person) {
        let detail = "An API token may not add or change administrators; an administrator may.";
        fields.refuse(Some("login"), "not_for_tokens", detail);
    }
}
