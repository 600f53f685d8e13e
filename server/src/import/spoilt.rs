//! How values look that a spreadsheet has made something else of.

/// An amount whose groups of thousands cannot be anything else: two commas, or a comma and then a
/// point. `1,234` alone is one thousand or one and a bit, so it is none.
pub fn grouped(text: &str) -> Option<String> {
    let (whole, part) = text.split_once('.').map_or((text, None), |(w, p)| (w, Some(p)));
    let groups: Vec<&str> = whole.split(',').collect();
    let sure = groups.len() > 2 || (groups.len() == 2 && part.is_some());
    let (first, rest) = groups.split_first()?;
    let fits = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    let tail = part.map_or_else(String::new, |part| format!(".{part}"));
    (sure && fits).then(|| format!("{}{tail}", groups.concat()))
}

/// Digits and nothing else.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `9.12E+08`, as spreadsheets write large numbers; `12E3` may be a part.
pub fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let signed = exponent.strip_prefix(['+', '-']).is_some_and(is_digits);
    signed && mantissa.trim_start_matches('-').split(['.', ',']).all(is_digits)
}

/// `2-Jan`, `Jan-02`, `2026/1/2`, `2026-01-02`, `1/2/2026`, `1月2日`.
pub fn is_date(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_month = |it: &str| MONTHS.contains(&it.to_lowercase().as_str());
    let is_day = |it: &str| is_digits(it) && it.len() <= 2;
    let is_year =
        |it: &str| is_digits(it) && it.len() == 4 && (it.starts_with("19") || it.starts_with("20"));
    let chinese = text.strip_suffix('日').and_then(|rest| rest.split_once('月'));
    if let Some((month, day)) = chinese {
        return is_day(day) && month.rsplit('年').next().is_some_and(is_day);
    }
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    match parts[..] {
        [a, b] => (is_day(a) && is_month(b)) || (is_month(a) && is_day(b)),
        [a, b, c] => {
            let day = |it: &str| is_day(it) || is_month(it);
            (is_year(a) && day(b) && is_day(c)) || (day(a) && day(b) && is_year(c))
        }
        _ => false,
    }
}
