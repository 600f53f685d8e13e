//! Where the day is kept: a folder for the phones, and a database for the server that is new.

use std::path::{Path, PathBuf};

use sqlx::{AnyConnection, Connection as _};

use crate::args::Args;
use crate::world::DemoError;

/// A folder and a database of the day's own.
pub struct Place {
    folder: PathBuf,
    database: String,
    /// Address and name of the schema that was made in Postgres.
    schema: Option<(String, String)>,
    /// Nobody asked for the folder to be kept.
    temporary: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // Also after an error; what cannot be removed is left to the system's own tidying.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Place {
    /// Makes them.
    pub async fn make(args: &Args) -> Result<Self, DemoError> {
        let mark: [u8; 5] = server::clock::random();
        let mark: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = match &args.data {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("towline-demo-{mark}")),
        };
        std::fs::create_dir_all(folder.join("server"))?;
        let folder = folder.canonicalize()?;
        if std::fs::read_dir(folder.join("server"))?.next().is_some() {
            let text = format!("{} holds a day already; name a new folder", folder.display());
            return Err(DemoError::new(text));
        }
        let temporary = args.data.is_none();
        if args.database == "sqlite" {
            let database = format!("sqlite://{}", folder.join("server/towline.db").display());
            return Ok(Self { folder, database, schema: None, temporary });
        }
        let schema = format!("towline_demo_{mark}");
        run(&args.database, &format!("CREATE SCHEMA {schema}")).await?;
        let sign = if args.database.contains('?') { '&' } else { '?' };
        let database = format!("{}{sign}options=-csearch_path%3D{schema}", args.database);
        let schema = Some((args.database.clone(), schema));
        Ok(Self { folder, database, schema, temporary })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address of the database, which has the day's own tables only.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Removes both, or says where they are if they are to be kept.
    pub async fn leave(self, args: &Args) -> Result<(), DemoError> {
        if args.data.is_some() {
            println!("\nKept: {}", self.folder.display());
            if let Some((_, schema)) = &self.schema {
                println!("      schema {schema} of the database");
            }
            return Ok(());
        }
        if let Some((url, schema)) = &self.schema {
            run(url, &format!("DROP SCHEMA {schema} CASCADE")).await?;
        }
        Ok(())
    }
}

async fn run(url: &str, sql: &str) -> Result<(), DemoError> {
    sqlx::any::install_default_drivers();
    let mut db = AnyConnection::connect(url).await?;
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut db).await?;
    Ok(db.close().await?)
}
