//! One try to come in: what it is charged to, and how much of the server it may take.
//!
//! A stranger is counted by account and address together, by address, and by network; for the
//! account alone strangers are only delayed. A browser in which someone logged in to the account
//! before has a counter of its own. So nobody can lock out someone else.

use std::net::IpAddr;
use std::time::Duration;

use sqlx::AnyConnection;
use sync_core::id::UserId;

use super::browser::Browser;
use super::installation::Installation;
use super::password::Turn;
use super::throttle::{
    self, ACCOUNT, ADDRESS, BROWSER, Charged, Counter, NETWORK, OWN, PAIR, Rule, SECRET,
    SECRET_NETWORK, SLOT_BITS,
};
use crate::app::App;
use crate::http::{Code, Problem};
use crate::net::Source;

/// An attempt that was charged and may be judged.
#[derive(Debug)]
pub struct Attempt {
    counters: Vec<Counter>,
    turn: Turn,
}

impl Attempt {
    /// Charges a login; strangers may have to wait for it here.
    ///
    /// # Errors
    /// `too_many_attempts`, `overloaded`.
    pub async fn login(
        app: &App,
        account: &str,
        address: Option<IpAddr>,
        browser: Option<Browser>,
    ) -> Result<Self, Problem> {
        if let Some(Browser(id)) = browser {
            let own = [counter(app, BROWSER, &[&id], Some(account))];
            if let Charged::After(_) = charge(app, &own).await? {
                return Ok(Self { counters: own.into(), turn: Turn::Known });
            }
        }
        let mut counters = vec![
            counter(app, PAIR, &[account.as_bytes(), &place(address)], Some(account)),
            counter(app, ACCOUNT, &[account.as_bytes()], Some(account)),
        ];
        counters.extend(elsewhere(app, address));
        match charge(app, &counters).await? {
            Charged::Wait(seconds, _) => Err(Problem::new(Code::TooMany).retry_after(seconds)),
            Charged::After(delay) => {
                let attempt = Self { counters, turn: Turn::Stranger };
                attempt.delayed(app, delay).await
            }
        }
    }

    /// Charges an attempt of someone who is logged in already.
    ///
    /// # Errors
    /// `too_many_attempts`.
    pub async fn own(app: &App, user: UserId) -> Result<Self, Problem> {
        let counters = vec![counter(app, OWN, &[user.as_bytes()], None)];
        match charge(app, &counters).await? {
            Charged::Wait(seconds, _) => Err(Problem::new(Code::TooMany).retry_after(seconds)),
            Charged::After(_) => Ok(Self { counters, turn: Turn::Known }),
        }
    }

    /// Checks the password. Who could not be judged for want of room is not charged for it.
    ///
    /// # Errors
    /// `overloaded`.
    pub async fn check(
        &self,
        app: &App,
        stored: Option<String>,
        password: &str,
    ) -> Result<bool, Problem> {
        let checked = app.passwords.check(stored, password, self.turn).await;
        if checked.is_err() {
            self.give_back(app).await?;
        }
        checked
    }

    /// Forgets what the right password makes up for: earlier failures of the same person in the
    /// same place, and this attempt everywhere else.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn succeeded(&self, tx: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let own = |counter: &Counter| [PAIR, BROWSER, OWN].contains(&counter.rule);
        let (own, others): (Vec<_>, Vec<_>) = self.counters.iter().copied().partition(own);
        throttle::forget(tx, &own).await?;
        throttle::refund(tx, &others).await
    }

    /// Lets a stranger wait while many fail for the same account.
    async fn delayed(self, app: &App, ms: u64) -> Result<Self, Problem> {
        if ms == 0 {
            return Ok(self);
        }
        let Ok(_permit) = app.passwords.waiting.try_acquire() else {
            self.give_back(app).await?;
            return Err(Problem::new(Code::Overloaded).retry_after(5));
        };
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(self)
    }

    async fn give_back(&self, app: &App) -> Result<(), Problem> {
        let counters = self.counters.clone();
        app.blocked.clear();
        app.store
            .write::<(), Problem, _>(move |tx| {
                Box::pin(async move { Ok(throttle::refund(tx, &counters).await?) })
            })
            .await
    }
}

/// What is said to a secret that never was any: `problem`, or that too many came from there. A right one
/// is always taken, so that nobody is locked out by what strangers send.
///
/// # Errors
/// When the database refuses.
pub async fn wrong_secret(
    app: &App,
    address: Option<IpAddr>,
    problem: Problem,
) -> Result<Problem, Problem> {
    let Some(source) = address.map(Source::of) else { return Ok(problem) };
    let bytes = |ip: IpAddr| ip.to_string().into_bytes();
    let counters = [
        counter(app, SECRET, &[&bytes(source.address)], None),
        counter(app, SECRET_NETWORK, &[&bytes(source.network)], None),
    ];
    Ok(match charge(app, &counters).await? {
        Charged::After(_) => problem,
        Charged::Wait(seconds, _) => Problem::new(Code::TooMany).retry_after(seconds),
    })
}

/// The counters of whoever comes from an address, whatever they try.
pub fn elsewhere(app: &App, address: Option<IpAddr>) -> Vec<Counter> {
    let Some(source) = address.map(Source::of) else { return Vec::new() };
    let bytes = |ip: IpAddr| ip.to_string().into_bytes();
    vec![
        counter(app, ADDRESS, &[&bytes(source.address)], None),
        counter(app, NETWORK, &[&bytes(source.network)], None),
    ]
}

/// Forgets every failure for the account of this login.
///
/// # Errors
/// When the database refuses.
pub async fn clear(
    tx: &mut AnyConnection,
    keys: &Installation,
    slug: &str,
    login: &str,
) -> Result<(), sqlx::Error> {
    throttle::clear(tx, slot(keys, ACCOUNT, &[account(slug, login).as_bytes()])).await
}

/// The name under which failures for a login are counted, whether there is such an account or not.
pub fn account(slug: &str, login: &str) -> String {
    format!("{}/{}", slug.trim().to_lowercase(), login.trim().to_lowercase())
}

/// Charges one attempt. Who is blocked is told so without a write: a source that goes on from memory,
/// an account as it is stored.
///
/// # Errors
/// When the database refuses.
pub async fn charge(app: &App, counters: &[Counter]) -> Result<Charged, Problem> {
    let (now, all) = (app.now(), counters.to_vec());
    if let Some((seconds, counter)) = app.blocked.wait(counters, now) {
        return Ok(Charged::Wait(seconds, counter));
    }
    let mut connection = app.read().await?;
    let blocked = throttle::blocked(&mut connection, counters, now).await?;
    drop(connection);
    if let Some((seconds, counter)) = blocked {
        if [ADDRESS, NETWORK, SECRET, SECRET_NETWORK].contains(&counter.rule) {
            app.blocked.learn(&counter, seconds, now);
        }
        return Ok(Charged::Wait(seconds, counter));
    }
    app.store
        .write::<_, Problem, _>(move |tx| {
            Box::pin(async move { Ok(throttle::charge(tx, &all, now).await?) })
        })
        .await
}

fn counter(app: &App, rule: Rule, what: &[&[u8]], account: Option<&str>) -> Counter {
    let keys = &app.installation;
    let account = account.map(|account| slot(keys, ACCOUNT, &[account.as_bytes()]));
    Counter { rule, slot: slot(keys, rule, what), account }
}

fn slot(keys: &Installation, rule: Rule, what: &[&[u8]]) -> i64 {
    keys.slot(rule.scope, what, SLOT_BITS)
}

fn place(address: Option<IpAddr>) -> Vec<u8> {
    let source = address.map(Source::of);
    source.map_or_else(Vec::new, |source| source.address.to_string().into_bytes())
}
