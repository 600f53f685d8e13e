//! What no attack may change: the honest people's documents, and the tables of people and things.

use std::sync::atomic::Ordering;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::Town;

/// A reader of the server's database, apart from the server.
pub struct Watch {
    db: AnyConnection,
}

/// How things stand that have to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    documents: Vec<(Vec<u8>, i64)>,
    tables: Vec<(&'static str, i64)>,
    /// Runs in the log that the attacker's phones wrote, besides the jobs they may open.
    pub written: i64,
}

/// What is counted: nobody but administrators may add to it, and none of them attacks.
const TABLES: &[(&str, &str)] = &[
    ("tenants", "SELECT COUNT(*) FROM tenants"),
    ("users", "SELECT SUM(version) + COUNT(*) * 1000 FROM users"),
    ("branches", "SELECT SUM(version) + COUNT(*) * 1000 FROM branches"),
    ("parts", "SELECT SUM(version) + COUNT(*) * 1000 FROM parts"),
    ("keys", "SELECT COUNT(*) FROM keys"),
    ("active phones", "SELECT COUNT(*) FROM devices WHERE state = 'active'"),
];

impl Watch {
    /// Begins to look.
    pub fn begin(town: &Town) -> Result<Self, String> {
        let connected = AnyConnection::connect(&town.server.database());
        let db = town.runtime.block_on(connected).map_err(|e| e.to_string())?;
        Ok(Self { db })
    }

    /// How things stand.
    pub fn look(&mut self, town: &Town) -> Result<Still, String> {
        let looked = look(&mut self.db, town);
        town.runtime.block_on(looked).map_err(|e| e.to_string())
    }
}

async fn look(db: &mut AnyConnection, town: &Town) -> Result<Still, sqlx::Error> {
    let mut documents = Vec::new();
    for things in [&town.acme, &town.other] {
        let sql = "SELECT doc, fingerprint FROM documents WHERE tenant = $1 ORDER BY doc";
        let bytes = |id: &str| uuid::Uuid::try_parse(id).map(|id| id.as_bytes().to_vec());
        let ids = [bytes(&things.job), bytes(&things.van), Ok(things.user.as_bytes().to_vec())];
        let ours = |doc: &[u8]| ids.iter().flatten().any(|id| doc.ends_with(id));
        let rows = sqlx::query(sql).bind(things.tenant.as_bytes().to_vec()).fetch_all(&mut *db);
        for row in rows.await? {
            let doc: Vec<u8> = row.try_get(0)?;
            if ours(&doc) {
                documents.push((doc, row.try_get(1)?));
            }
        }
    }
    let mut tables = Vec::new();
    for (name, sql) in TABLES {
        tables.push((*name, number(db, sql, None).await?));
    }
    let mut written = 0;
    for hand in [&town.mallory, &town.revoked, &town.pending, &town.foreign, &town.bo] {
        let sql = "SELECT COUNT(*) FROM runs WHERE author_device = $1";
        written += number(db, sql, Some(hand.device.as_bytes().to_vec())).await?;
        written -= hand.opened.load(Ordering::Relaxed);
    }
    Ok(Still { documents, tables, written })
}

async fn number(
    db: &mut AnyConnection,
    sql: &str,
    about: Option<Vec<u8>>,
) -> Result<i64, sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    if let Some(about) = about {
        query = query.bind(about);
    }
    query.fetch_one(db).await?.try_get(0)
}
