//! Flags made from the list of settings, so that help, file and environment never disagree.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use server::Config;
use server::config::{ConfigError, SETTINGS, Setting};
use store::Store;

/// Every setting as a flag, and `--config FILE`.
#[derive(Debug, Default)]
pub struct AllSettings(Given);

/// Only where the data is, for commands that need no server.
#[derive(Debug, Default)]
pub struct DatabaseArgs(Given);

impl DatabaseArgs {
    /// The settings that follow, if there is a database where they say: a wrong path must not
    /// become an empty database of which everything is well.
    ///
    /// # Errors
    /// The first value that does not fit; that there is no database, and what to do about it.
    pub fn existing(&self) -> Result<Config, Box<dyn Error>> {
        let config = self.config()?;
        let url = config.database.reveal();
        if Store::may_be_at(url)? {
            return Ok(config);
        }
        // Only the address of a file gets here, and that has no password.
        Err(format!(
            "there is no database at {url}: say where it is with --data FOLDER or --database \
             ADDRESS (`towline serve` and `towline admin tenant` make a new one)"
        )
        .into())
    }
}

#[derive(Debug, Default)]
struct Given {
    flags: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Given {
    fn config(&self) -> Result<Config, ConfigError> {
        Config::resolve(&self.flags, |name| std::env::var(name).ok(), self.file.as_deref())
    }

    fn take(&mut self, matches: &ArgMatches, wanted: impl Fn(&Setting) -> bool) {
        for setting in SETTINGS.iter().filter(|setting| wanted(setting)) {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.flags.insert(setting.name.to_owned(), value.clone());
            }
        }
        self.file = matches.get_one::<PathBuf>("config").cloned();
    }
}

fn augment(command: Command, wanted: impl Fn(&Setting) -> bool) -> Command {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .env("TOWLINE_CONFIG")
        .value_parser(clap::value_parser!(PathBuf))
        .help("File of `name = value` lines; flags and environment go before it");
    SETTINGS.iter().filter(|setting| wanted(setting)).fold(command.arg(file), |command, setting| {
        let mut help = format!("{} [env: {}]", setting.about, setting.variable());
        if !setting.default.is_empty() {
            help.push_str(&format!(" [default: {}]", setting.default));
        }
        let value = setting.name.to_ascii_uppercase();
        command.arg(Arg::new(setting.name).long(setting.flag()).value_name(value).help(help))
    })
}

fn is_of_database(setting: &Setting) -> bool {
    matches!(setting.name, "data" | "database" | "password_memory_kib")
}

macro_rules! settings {
    ($name:ident, $wanted:expr) => {
        impl $name {
            /// The settings that follow.
            ///
            /// # Errors
            /// The first value that does not fit.
            pub fn config(&self) -> Result<Config, ConfigError> {
                self.0.config()
            }
        }

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                augment(command, $wanted)
            }

            fn augment_args_for_update(command: Command) -> Command {
                augment(command, $wanted)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                let mut settings = Self::default();
                settings.update_from_arg_matches(matches)?;
                Ok(settings)
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0.take(matches, $wanted);
                Ok(())
            }
        }
    };
}

settings!(AllSettings, |_| true);
settings!(DatabaseArgs, is_of_database);
