//! Browsers in which someone logged in before: they prove it with a cookie, and what strangers
//! try elsewhere does not slow them down.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::installation::Installation;
use crate::clock::random;

/// Name of the cookie.
pub const COOKIE: &str = "towline_browser";
/// How long the cookie is good, seconds: as long as browsers keep one.
pub const LIFE_S: u64 = 400 * 24 * 3600;
/// People of one browser whose cookies are kept.
const PEOPLE: usize = 4;
/// Bytes of one mark: which browser, since when, and the proof.
const MARK: usize = 16 + 8 + 32;

/// One browser, as the office's accounts know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Browser(pub [u8; 16]);

/// The browser that this cookie proves to be known to this account.
pub fn known(keys: &Installation, cookie: &str, account: &str, now: i64) -> Option<Browser> {
    marks(cookie).find_map(|mark| {
        let (browser, since) = (mark.first_chunk::<16>()?, mark.get(16..24)?.first_chunk::<8>()?);
        let life = i64::try_from(LIFE_S).unwrap_or(i64::MAX) * 1000;
        let fresh = i64::from_be_bytes(*since) > now - life;
        let proof = proof(keys, browser, since, account);
        let differs = mark[24..].iter().zip(proof).fold(0, |differs, (a, b)| differs | (a ^ b));
        (fresh && differs == 0).then_some(Browser(*browser))
    })
}

/// The cookie after a login to this account: this account's mark, then those that were there.
pub fn renewed(
    keys: &Installation,
    cookie: &str,
    browser: Option<Browser>,
    account: &str,
    now: i64,
) -> String {
    let Browser(id) = browser.unwrap_or_else(|| Browser(random()));
    let since = now.to_be_bytes();
    let proof = proof(keys, &id, &since, account);
    let own = [&id[..], &since, &proof].concat();
    let others = marks(cookie).filter(|mark| mark[..16] != id).take(PEOPLE - 1);
    let all = std::iter::once(own).chain(others).map(|mark| URL_SAFE_NO_PAD.encode(mark));
    all.collect::<Vec<_>>().join(".")
}

fn marks(cookie: &str) -> impl Iterator<Item = Vec<u8>> {
    let parts = cookie.split('.').take(PEOPLE);
    parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()).filter(|mark| mark.len() == MARK)
}

fn proof(keys: &Installation, id: &[u8; 16], since: &[u8; 8], account: &str) -> [u8; 32] {
    keys.browser(&[id, since, account.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn a_browser_is_known_to_those_who_logged_in_with_it_and_to_nobody_else() {
        let keys = Installation::from_secret(&[1; 32]);
        let mei = renewed(&keys, "", None, "acme/mei", NOW);
        let both = renewed(&keys, &mei, None, "acme/bo", NOW);
        let browser = known(&keys, &mei, "acme/mei", NOW);
        assert!(browser.is_some());
        assert_eq!(known(&keys, &both, "acme/mei", NOW), browser);
        assert!(known(&keys, &both, "acme/bo", NOW).is_some());
        assert_eq!(known(&keys, &both, "acme/admin", NOW), None);
        assert_eq!(known(&Installation::from_secret(&[2; 32]), &both, "acme/mei", NOW), None);
    }

    #[test]
    fn a_mark_that_was_changed_or_is_too_old_proves_nothing() {
        let keys = Installation::from_secret(&[1; 32]);
        let cookie = renewed(&keys, "", None, "acme/mei", NOW);
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap_or_default();
        assert_eq!(bytes.len(), MARK);
        for place in 0..MARK {
            let mut other = bytes.clone();
            other[place] ^= 1;
            let other = URL_SAFE_NO_PAD.encode(other);
            assert_eq!(known(&keys, &other, "acme/mei", NOW), None, "byte {place}");
        }
        let later = NOW + i64::try_from(LIFE_S).unwrap_or_default() * 1000;
        assert_eq!(known(&keys, &cookie, "acme/mei", later), None);
        let earlier = NOW - 10 * 365 * 24 * 3600 * 1000;
        assert!(known(&keys, &cookie, "acme/mei", earlier).is_some(), "a clock that was ahead");
    }

    #[test]
    fn a_cookie_keeps_four_people_the_last_first() {
        let keys = Installation::from_secret(&[1; 32]);
        let mut cookie = "rubbish".to_owned();
        for n in 0..6 {
            cookie = renewed(&keys, &cookie, None, &format!("acme/{n}"), NOW);
        }
        let there = (0..6).filter(|n| known(&keys, &cookie, &format!("acme/{n}"), NOW).is_some());
        assert_eq!(there.collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}
