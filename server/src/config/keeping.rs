//! Settings of what is kept and counted: metrics, bounds, budgets, retention.

use std::net::SocketAddr;

use super::{ConfigError, Lookup, Secret};
use crate::sweep::{Keep, RULES};
use crate::sync::budget::HourBudget;
use store::writer::Bounds;

/// Longest retention: more days than a database lives.
const DAYS_MAX: f64 = 36_525.0;

impl Lookup<'_> {
    /// The token itself, or what its file holds.
    pub(super) fn metrics_token(&self) -> Result<Option<Secret>, ConfigError> {
        let given = self.some("metrics_token");
        let Some(path) = self.some("metrics_token_file") else { return Ok(given.map(Secret)) };
        let name = "metrics_token_file";
        if given.is_some() {
            return Err(self.wrong(name, "is set, and so is metrics_token; set one of them"));
        }
        let token = std::fs::read_to_string(&path)
            .map_err(|error| self.wrong(name, format!("cannot read {path}: {error}")))?;
        let token = token.trim().to_owned();
        if token.is_empty() {
            return Err(self.wrong(name, format!("{path} is empty; write the token into it")));
        }
        Ok(Some(Secret(token)))
    }

    pub(super) fn metrics_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        match self.some("metrics_listen") {
            Some(_) => {
                self.parse("metrics_listen", "an address and port: 127.0.0.1:9464").map(Some)
            }
            None => Ok(None),
        }
    }

    pub(super) fn bounds(&self) -> Result<Bounds, ConfigError> {
        Ok(Bounds {
            storage_bytes: self.units("tenant_storage_gib", 1 << 30)?,
            technician_day_bytes: self.units("technician_day_mib", 1 << 20)?,
            technician_percent: self.units("technician_storage_percent", 1)?.min(100),
            quarantine_per_phone: self.units("quarantine_per_phone", 1)?,
            quarantine_per_tenant: self.units("quarantine_per_tenant", 1)?,
            walk_ups_a_day: self.units("walk_ups_a_day", 1)?,
            open_of_one: self.units("open_of_technician", 1)?,
        })
    }

    pub(super) fn hour(&self) -> Result<HourBudget, ConfigError> {
        Ok(HourBudget {
            bytes: self.units("phone_hour_mib", 1 << 20)?,
            changes: self.units("phone_hour_changes", 1)?,
        })
    }

    pub(super) fn hour_writes(&self) -> Result<i64, ConfigError> {
        self.units("desk_hour_writes", 1)
    }

    pub(super) fn keep(&self) -> Result<Keep, ConfigError> {
        let mut keep = Keep::default();
        for rule in RULES {
            let days: f64 = self.parse(rule.setting, "days")?;
            if !(0.0..=DAYS_MAX).contains(&days) {
                return Err(self.wrong(rule.setting, "needs days, from 0 to 36525"));
            }
            keep.set(rule.name, days);
        }
        Ok(keep)
    }

    /// A count of units of so many bytes or pieces, one at least.
    fn units(&self, name: &'static str, unit: i64) -> Result<i64, ConfigError> {
        let count: f64 = self.parse(name, "a number")?;
        let units = (count * unit as f64) as i64;
        if count > 0.0 && units > 0 {
            Ok(units)
        } else {
            Err(self.wrong(name, "needs more than 0"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Config;
    use crate::sweep::RuleName;

    fn with(name: &str, value: &str) -> Result<Config, String> {
        let flags = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Config::resolve(&flags, |_| None, None).map_err(|error| error.to_string())
    }

    #[test]
    fn retention_is_in_days_and_part_of_one_counts() {
        let keep = with("keep_positions", "0.5").unwrap().keep;
        assert_eq!(keep.ms(RuleName::Positions), 12 * 3600 * 1000);
        for bad in ["-1", "nan", "inf", "week", "40000"] {
            assert!(with("keep_positions", bad).unwrap_err().contains("keep_positions"), "{bad}");
        }
    }

    #[test]
    fn bounds_are_never_nothing() {
        assert_eq!(with("tenant_storage_gib", "0.5").unwrap().bounds.storage_bytes, 1 << 29);
        for bad in ["0", "-3", "nan"] {
            assert!(with("phone_hour_mib", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_metrics_token_may_stand_in_a_file() {
        let file = std::env::temp_dir().join(format!("towline-token-{}", std::process::id()));
        std::fs::write(&file, "hush\n").unwrap();
        let config = with("metrics_token_file", file.to_str().unwrap()).unwrap();
        assert_eq!(config.metrics_token.unwrap().reveal(), "hush");
        std::fs::write(&file, " \n").unwrap();
        assert!(with("metrics_token_file", file.to_str().unwrap()).unwrap_err().contains("empty"));
        std::fs::remove_file(&file).unwrap();
        assert!(with("metrics_token_file", file.to_str().unwrap()).is_err());
    }
}
