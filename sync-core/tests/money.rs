//! Money: the same totals on phone and desk, one currency a job, and a sheet that fits.
#![allow(clippy::expect_used)]

mod scene;

use ed25519_dalek::Signer as _;
use scene::{Hand, assigned, meet, phone_key};
use sync_core::id::FactId;
use sync_core::job::{ExceptionKind, Job, TaxMode, Total, currency_of_lines, seal_of, tax_entry};
use sync_core::schema::{Key, PRICE_MOST, TAX_MOST, key, section};
use sync_core::seal::{SHEET_LINES, SealError, Shown};
use sync_core::value::Value;

/// A job in a currency, whose prices contain tax or do not.
fn billed(currency: &str, mode: TaxMode) -> (Hand, Hand) {
    let (mut desk, mut phone) = assigned();
    desk.set(section::PROMISE, key::CURRENCY, currency);
    desk.set(section::PROMISE, key::TAX_MODE, mode.as_str());
    phone.hear(&desk);
    (desk, phone)
}

fn part(number: &str, price: i64, currency: &str, rate: i64) -> Vec<(Key, Value)> {
    let number = (key::PART_NO, number.into());
    vec![number, (key::UNIT_PRICE, price.into()), (key::CURRENCY, currency.into()), tax_entry(rate)]
}

fn charge(amount: i64, currency: &str, rate: i64) -> [(Key, Value); 3] {
    [(key::AMOUNT, amount.into()), (key::CURRENCY, currency.into()), tax_entry(rate)]
}

fn total(job: &Job) -> (Option<i64>, Option<i64>, Option<i64>) {
    let [Total { total, tax, without_tax, .. }] = &job.totals[..] else {
        panic!("{:?}", job.totals)
    };
    (*total, *tax, *without_tax)
}

#[test]
fn tax_of_8_875_percent_is_added_to_the_total_or_contained_in_it() {
    for (mode, expected) in [
        (TaxMode::Exclusive, (Some(108_875), Some(8_875), Some(100_000))),
        (TaxMode::Inclusive, (Some(100_000), Some(8_152), Some(91_848))),
    ] {
        let (mut desk, mut phone) = billed("USD", mode);
        phone.fact(section::PARTS, &part("TYRE", 60_000, "USD", 8_875));
        desk.fact(section::CHARGES, &charge(40_000, "USD", 8_875));
        meet(&mut desk, &mut phone);
        assert_eq!(total(&phone.job()), expected, "{mode:?}");
        assert_eq!(desk.job(), phone.job());
        assert_eq!(phone.job().parts[0].tax_millipercent, Some(8_875));
    }
}

#[test]
fn tax_is_rounded_half_away_from_zero_once_for_each_line() {
    let (mut desk, _) = billed("USD", TaxMode::Exclusive);
    for _ in 0..2 {
        desk.fact(section::CHARGES, &charge(10, "USD", 5_000));
    }
    assert_eq!(total(&desk.job()), (Some(22), Some(2), Some(20)), "0.5 and 0.5");
    desk.fact(section::CHARGES, &charge(-10, "USD", 5_000));
    assert_eq!(total(&desk.job()), (Some(11), Some(1), Some(10)), "-0.5");
}

#[test]
fn a_job_without_a_tax_mode_keeps_the_rules_it_was_signed_by() {
    let (mut desk, mut phone) = assigned();
    desk.set(section::PROMISE, key::CURRENCY, "TWD");
    desk.fact(section::CHARGES, &charge(-1, "TWD", 100_000));
    phone.hear(&desk);
    phone.fact(section::PARTS, &part("H7", 35_000, "USD", 5_000));
    let seal = phone.seal();
    let job = phone.job();
    assert_eq!((job.tax_mode, job.totals.len()), (None, 2), "{:?}", job.totals);
    assert_eq!(job.charges[0].tax, Some(0), "half up");
    assert!(job.exceptions.is_empty() && job.seals[0].changes == 0);
    let shown = seal_of(&phone.document, seal).expect("it is well formed").shown;
    assert!(shown.contains(r#""version":2"#) && shown.contains(r#""tax_rate":500"#), "{shown}");
    // The office records what the phone of before did not know: the same amounts, the same seal.
    desk.hear(&phone);
    desk.set(section::PROMISE, key::CURRENCY, Value::Null);
    desk.set(section::PROMISE, key::TAX_MODE, "inclusive");
    let [seal] = &desk.job().seals[..] else { panic!() };
    let changed: Vec<_> = seal.changed_since_signed.iter().map(|it| &it.what[..]).collect();
    assert_eq!(changed, ["totals.TWD.tax", "totals.TWD.without_tax"], "-0.5 is -1 now");
}

#[test]
fn adding_tax_after_the_customer_signed_prices_that_contain_it_asks_again() {
    let (mut desk, mut phone) = assigned();
    phone.fact(section::PARTS, &part("H7", 35_000, "TWD", 5_000));
    phone.seal();
    meet(&mut desk, &mut phone);
    desk.set(section::PROMISE, key::TAX_MODE, "inclusive");
    assert_eq!(desk.job().seals[0].changes, 0);
    desk.set(section::PROMISE, key::TAX_MODE, "exclusive");
    assert!(desk.job().seals[0].changes_money);
}

#[test]
fn a_line_in_another_currency_is_kept_and_not_billed_until_a_person_allows_it() {
    let (mut desk, mut phone) = billed("TWD", TaxMode::Inclusive);
    phone.fact(section::PARTS, &part("H7", 35_000, "TWD", 5_000));
    let foreign = phone.fact(section::PARTS, &part("H8", 1_200, "USD", 5_000));
    meet(&mut desk, &mut phone);
    let job = desk.job();
    assert_eq!(total(&job).0, Some(35_000));
    assert_eq!((job.parts.len(), job.parts[1].billed), (2, false));
    assert_eq!(job.exceptions[0].about, ExceptionKind::OtherCurrency);
    assert_eq!(job.exceptions[0].reference, Some(foreign));
    assert_eq!(currency_of_lines(&desk.document).as_deref(), Some("TWD"));

    let mut left_out = desk.clone();
    left_out.decide("other_currency", "leave_out", Some(foreign));
    assert!(left_out.job().exceptions.is_empty() && !left_out.job().parts[1].billed);

    desk.decide("other_currency", "allow", Some(foreign));
    let job = desk.job();
    assert!(job.exceptions.is_empty() && job.parts[1].billed);
    let totals: Vec<_> = job.totals.iter().map(|it| (&it.currency[..], it.total)).collect();
    assert_eq!(totals, [("TWD", Some(35_000)), ("USD", Some(1_200))]);
    assert_eq!(currency_of_lines(&desk.document), None);

    // What comes later is asked about again, and what was allowed stands.
    meet(&mut desk, &mut phone);
    phone.fact(section::PARTS, &part("H9", 900, "USD", 5_000));
    let job = phone.job();
    assert_eq!(job.exceptions[0].about, ExceptionKind::OtherCurrency);
    assert_eq!(job.parts.iter().map(|it| it.billed).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_correction_into_the_currency_of_the_job_settles_the_exception() {
    let (_, mut phone) = billed("TWD", TaxMode::Inclusive);
    let foreign = phone.fact(section::PARTS, &part("H8", 1_200, "USD", 0));
    assert_eq!(phone.job().exceptions.len(), 1);
    let mut corrected = part("H8", 38_000, "TWD", 0);
    corrected.push((key::CORRECTS, foreign.as_bytes().to_vec().into()));
    phone.fact(section::PARTS, &corrected);
    assert!(phone.job().exceptions.is_empty());
    assert_eq!(total(&phone.job()).0, Some(38_000));
}

#[test]
fn the_sheet_says_mode_rate_tax_and_minor_units_and_a_change_is_noticed() {
    let (mut desk, mut phone) = billed("USD", TaxMode::Exclusive);
    phone.fact(section::PARTS, &part("H7", 10_000, "USD", 8_875));
    let seal = phone.seal();
    assert_eq!(phone.job().seals[0].changes, 0);
    let shown = seal_of(&phone.document, seal).expect("it is well formed").shown;
    for said in [
        r#""tax_mode":"exclusive""#,
        r#""tax":888,"tax_millipercent":8875"#,
        r#"{"amount":10888,"currency":"USD","minor_units":2,"tax":888,"without_tax":10000}"#,
        r#""version":3"#,
    ] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    meet(&mut desk, &mut phone);
    desk.set(section::PROMISE, key::TAX_MODE, "inclusive");
    let seal = &desk.job().seals[0];
    let changed: Vec<_> = seal.changed_since_signed.iter().map(|it| &it.what[..]).collect();
    assert!(changed.contains(&"tax_mode") && seal.changes_money, "{changed:?}");
}

#[test]
fn a_sheet_with_too_many_lines_or_too_long_ones_is_refused_before_it_is_signed() {
    let (_, mut phone) = billed("TWD", TaxMode::Inclusive);
    let lines = |phone: &mut Hand, count: usize, words: usize| -> Vec<FactId> {
        let long = "車".repeat(words);
        let line = |it: usize| {
            let mut line = part(&format!("P{it}"), 1, "TWD", 5_000);
            line.push((key::DESCRIPTION, long.as_str().into()));
            line
        };
        (0..count).map(|it| phone.fact(section::PARTS, &line(it))).collect()
    };
    let shown = |phone: &mut Hand| phone.draft().shown;
    let mut wordy = phone.clone();
    lines(&mut wordy, SHEET_LINES - 5, 250);
    assert_eq!(shown(&mut wordy).fits(), Err(SealError::TooLarge("what is shown")));

    lines(&mut phone, SHEET_LINES, 10);
    assert_eq!(shown(&mut phone).fits(), Ok(()));
    phone.seal();
    let last = lines(&mut phone, 1, 10)[0];
    let refused = shown(&mut phone).fits().expect_err("one too many");
    assert_eq!(refused, SealError::TooManyLines(SHEET_LINES + 1));
    assert!(refused.to_string().contains("61 parts and charges"), "{refused}");
    let draft = phone.draft();
    let signed = draft.sign(|message| phone_key().sign(message).to_bytes());
    assert_eq!(signed.expect_err("it does not fit"), refused);
    phone.fact(section::PARTS, &[(key::VOIDS, last.as_bytes().to_vec().into())]);
    assert_eq!(Shown::of(&phone.job(), phone.draft().shown.signer().clone()).fits(), Ok(()));
}

#[test]
fn nobody_records_a_price_or_rate_out_of_range_and_only_the_office_a_discount() {
    let (mut desk, mut phone) = billed("TWD", TaxMode::Inclusive);
    let no = |hand: &mut Hand, section, keys: &[(Key, Value)]| {
        hand.attempt_fact(section, keys).expect_err("it is refused").to_string()
    };
    let rate = |rate: i64| vec![(key::PART_NO, "A".into()), (key::TAX_MILLIPERCENT, rate.into())];
    assert!(no(&mut phone, section::PARTS, &rate(-1)).contains("from 0 to 100000"));
    assert!(no(&mut phone, section::PARTS, &rate(TAX_MOST + 1)).contains("tax_millipercent"));
    for price in [-1, PRICE_MOST + 1] {
        let said = no(&mut phone, section::PARTS, &part("A", price, "TWD", 0));
        assert!(said.contains("unit_price"), "{said}");
    }
    assert_eq!(no(&mut phone, section::CHARGES, &charge(1, "TWD", 0)), {
        sync_core::codes::OFFICE_ONLY.sentence
    });
    assert!(no(&mut desk, section::CHARGES, &charge(-PRICE_MOST - 1, "TWD", 0)).contains("amount"));
    desk.fact(section::CHARGES, &charge(-PRICE_MOST, "TWD", 0));
    assert_eq!(total(&desk.job()).0, Some(-PRICE_MOST));
}
