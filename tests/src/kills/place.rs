//! A database of one life of a server: fresh, with its tenant and people, gone afterwards.

use std::path::Path;

use server::admin::{self, NewUser};
use server::auth::Role;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use store::Store;
use sync_core::id::{TenantId, UserId, VanId};
use tokio::runtime::Runtime;

use super::Trouble;
use crate::folder::Folder;
use crate::process::Launch;

/// Short name of the tenant.
pub const TENANT: &str = "acme";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
/// Little memory for passwords: hashing is not what is looked at.
const MEMORY_KIB: u32 = 64;

/// A folder and a database in it, or in PostgreSQL.
pub struct Place {
    /// Address of the database.
    pub url: String,
    /// What is kept beside it.
    pub folder: Folder,
    /// Address of PostgreSQL and name of the database there.
    postgres: Option<(String, String)>,
}

/// The people of the tenant.
pub struct People {
    /// Their tenant.
    pub tenant: TenantId,
    /// Technicians, each with a van.
    pub technicians: Vec<(UserId, VanId)>,
}

impl Place {
    /// A fresh one: in PostgreSQL if its address is given, else a file.
    pub fn fresh(runtime: &Runtime, postgres: Option<&str>) -> Result<Self, Trouble> {
        sqlx::any::install_default_drivers();
        let folder = Folder::new("kills")?;
        let Some(admin) = postgres else {
            let url = format!("sqlite://{}", folder.path().join("towline.db").display());
            return Ok(Self { url, folder, postgres: None });
        };
        let mark: [u8; 6] = server::clock::random();
        let mark: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("towline_kills_{mark}");
        runtime.block_on(run(admin, format!("CREATE DATABASE {name}")))?;
        let (server, _) = admin.rsplit_once('/').ok_or("the address names no database")?;
        let url = format!("{server}/{name}");
        Ok(Self { url, folder, postgres: Some((admin.to_owned(), name)) })
    }

    /// A database to be made in a folder that someone else looks after.
    pub fn within(folder: &Path) -> Self {
        let url = format!("sqlite://{}", folder.join("towline.db").display());
        Self { url, folder: Folder::of_others(folder), postgres: None }
    }

    /// Whether it is a file.
    pub fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }

    /// How a server on it is started.
    pub fn launch(&self) -> Launch {
        let launch = Launch::on(self.folder.path()).with("--database", &self.url);
        launch.complains_into(self.folder.path().join("server.log"))
    }

    /// Where the data is.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Hires an administrator, a dispatcher and technicians with vans.
    pub async fn hire(&self, technicians: usize) -> Result<People, Trouble> {
        let store = Store::open(&self.url).await?;
        let now = server::clock::Clock::system().now();
        let tenant = admin::create_tenant(&store, now, TENANT, "Acme Motors").await?;
        for (login, role) in [("admin", Role::Administrator), ("desk", Role::Dispatcher)] {
            hire(&store, tenant, login, role, Some(PASSWORD)).await?;
        }
        let mut people = People { tenant, technicians: Vec::new() };
        for n in 0..technicians {
            let login = format!("tech{n}");
            let user = hire(&store, tenant, &login, Role::Technician, None).await?;
            let name = format!("Van {n}");
            let van = admin::create_van(&store, now, tenant, &name, None, Some(user)).await?;
            people.technicians.push((user, van));
        }
        store.close().await;
        Ok(people)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((admin, name)) = self.postgres.take() else { return };
        let drop = run(&admin, format!("DROP DATABASE {name} WITH (FORCE)"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Err(error) = runtime.map_err(Trouble::from).and_then(|it| it.block_on(drop)) {
            eprintln!("the database {name} is left behind: {error}");
        }
    }
}

async fn hire(
    store: &Store,
    tenant: TenantId,
    login: &str,
    role: Role,
    password: Option<&str>,
) -> Result<UserId, Trouble> {
    let user = NewUser {
        login: login.to_owned(),
        name: login.to_owned(),
        role,
        branch: None,
        language: "en".to_owned(),
    };
    let now = server::clock::Clock::system().now();
    Ok(admin::create_user(store, now, tenant, user, password, MEMORY_KIB).await?)
}

async fn run(url: &str, sql: String) -> Result<(), Trouble> {
    sqlx::any::install_default_drivers();
    let mut db = AnyConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut db).await?;
    Ok(db.close().await?)
}
