//! What stands in a cell: the marks of spreadsheets taken off, and what they have spoilt refused.

use sync_core::schema::TAX_MOST;

use super::spoilt::{grouped, is_date, is_digits, is_scientific};

/// Why a cell cannot be taken, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// A stable word.
    pub code: &'static str,
    /// One or two plain sentences.
    pub detail: String,
}

fn wrong<T>(code: &'static str, detail: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { code, detail: detail.into() })
}

/// A cell that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// Whether it was marked as text, with a leading `'` or as `="…"`: then it is what it looks like.
    pub is_text: bool,
}

impl Cell {
    /// What a cell says; none if it is empty.
    ///
    /// # Errors
    /// For the error of a formula.
    pub fn read(raw: &str) -> Result<Option<Self>, Wrong> {
        let raw = raw.trim();
        let formula = raw.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
        let (text, is_text) = match (formula, raw.strip_prefix('\'')) {
            (Some(text), _) => (text.replace("\"\"", "\""), true),
            (None, Some(text)) => (text.to_owned(), true),
            (None, None) => (raw.to_owned(), false),
        };
        let text = text.trim().to_owned();
        if !is_text
            && (text.starts_with('#') && text.ends_with(['!', '?', 'A', '#']) && text.len() > 3)
        {
            return wrong(
                "formula_error",
                "The spreadsheet shows an error here. Type the value itself.",
            );
        }
        if !is_text && text.starts_with('=') {
            return wrong("formula", "This is a formula. Type the value itself.");
        }
        Ok((!text.is_empty()).then_some(Self { text, is_text }))
    }

    /// A code, a number of a phone or a plate: every character of it counts, so what a spreadsheet made
    /// of it by taking it for a number or a date is refused.
    ///
    /// # Errors
    /// `scientific`, `decimals`, `date`.
    pub fn code(&self) -> Result<&str, Wrong> {
        let text = self.text.as_str();
        if self.is_text {
            return Ok(text);
        }
        let again = "Format the column as text and type it again; digits are lost otherwise.";
        if is_scientific(text) {
            let detail =
                format!("The spreadsheet took this for a large number and rounded it. {again}");
            return wrong("scientific", detail);
        }
        let whole = text.strip_suffix(".0").or_else(|| text.strip_suffix(".00"));
        if whole.is_some_and(is_digits) {
            let detail = format!("The spreadsheet took this for a number with decimals. {again}");
            return wrong("decimals", detail);
        }
        if is_date(text) {
            let detail = "The spreadsheet may have made a date of this. Format the column as text and \
                type it again, or write it with ' before it if it is right.";
            return wrong("date", detail);
        }
        Ok(text)
    }

    /// An amount as people write it, in minor units of a currency with so many decimals.
    ///
    /// # Errors
    /// `scientific`, `amount`.
    pub fn amount(&self, decimals: u32) -> Result<i64, Wrong> {
        if is_scientific(&self.text) {
            return wrong(
                "scientific",
                "The spreadsheet rounded this. Format the column as a number.",
            );
        }
        let bad = || {
            let shape = if decimals == 0 { "3200" } else { "3200 or 3200.50" };
            wrong(
                "amount",
                format!(
                    "Write the amount with digits and a decimal point, such as {shape}, \
                without a currency or separators of thousands."
                ),
            )
        };
        let plain = match grouped(&self.text) {
            Some(plain) => plain,
            None => self.text.clone(),
        };
        let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
        let (places, lost) = part.split_at_checked(decimals as usize).unwrap_or((part, ""));
        let digits = whole.chars().chain(part.chars()).all(|c| c.is_ascii_digit());
        if whole.is_empty() || !digits || lost.chars().any(|c| c != '0') || plain.ends_with('.') {
            return bad();
        }
        let number = format!("{whole}{places:0<width$}", width = decimals as usize);
        number.parse().or_else(|_| bad())
    }

    /// A whole number.
    ///
    /// # Errors
    /// `number`.
    pub fn whole(&self) -> Result<i64, Wrong> {
        let text = self.text.as_str();
        if !is_digits(text) {
            return wrong("number", "Write a whole number with digits only, such as 32050.");
        }
        text.parse().or_else(|_| wrong("number", "This number is too large."))
    }

    /// Percents, in thousandths of a percent.
    ///
    /// # Errors
    /// `percent`.
    pub fn percent(&self) -> Result<i64, Wrong> {
        let (text, is_marked) = match self.text.strip_suffix(['%', '％']) {
            Some(text) => (text.trim(), true),
            None => (self.text.as_str(), false),
        };
        let rate = Self { text: text.to_owned(), is_text: true }.amount(3);
        match rate {
            Ok(rate) if rate <= TAX_MOST && (is_marked || rate == 0 || rate >= 1000) => Ok(rate),
            _ => wrong(
                "percent",
                "Write percents from 0 to 100, such as 5 or 5%; 0.05 could mean both five percent and less.",
            ),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// `yes_or_no`.
    pub fn flag(&self) -> Result<bool, Wrong> {
        match self.text.to_lowercase().as_str() {
            "yes" | "y" | "true" | "1" | "x" | "是" | "啟用" | "启用" | "使用中" | "在用" => {
                Ok(true)
            }
            "no" | "n" | "false" | "0" | "否" | "停用" => Ok(false),
            _ => wrong("yes_or_no", "Write yes or no (是, 否)."),
        }
    }

    /// Names in one cell, each on its line or separated by `|`, `;` or `、`.
    pub fn list(&self) -> Vec<String> {
        let names = self.text.split(['|', ';', '；', '、', '\n']).map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cell(raw: &str) -> Cell {
        Cell::read(raw).unwrap().unwrap()
    }

    #[test]
    fn marks_of_text_are_taken_off_and_what_they_mark_is_believed() {
        for raw in ["0012", "'0012", "=\"0012\"", "  0012 "] {
            assert_eq!(cell(raw).code(), Ok("0012"), "{raw}");
        }
        assert_eq!(cell("'9.12E+08").code(), Ok("9.12E+08"));
        assert_eq!(cell("'2-Jan").code(), Ok("2-Jan"));
        assert_eq!(Cell::read(" ' "), Ok(None));
        for (raw, code) in
            [("#N/A", "formula_error"), ("####", "formula_error"), ("=A1+1", "formula")]
        {
            assert_eq!(Cell::read(raw).unwrap_err().code, code, "{raw}");
        }
        assert_eq!(cell("#12").code(), Ok("#12"));
    }

    #[test]
    fn what_a_spreadsheet_made_of_a_code_is_refused_and_never_guessed() {
        let code = |raw: &str| cell(raw).code().map_or_else(|wrong| wrong.code, |_| "fine");
        for raw in ["9.12E+08", "9.12345E+08", "1E-05", "9,12E+08"] {
            assert_eq!(code(raw), "scientific", "{raw}");
        }
        for raw in
            ["2-Jan", "Jan-02", "2026/1/2", "2026-01-02", "1/2/2026", "1月2日", "2026年1月2日"]
        {
            assert_eq!(code(raw), "date", "{raw}");
        }
        assert_eq!(code("912345678.0"), "decimals");
        for raw in ["12V-60", "12E3", "0912-345-678", "02-2720-8889", "ABC-1234", "1.5", "E-12"] {
            assert_eq!(code(raw), "fine", "{raw}");
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let amount = |raw: &str, decimals| cell(raw).amount(decimals).map_err(|wrong| wrong.code);
        assert_eq!(amount("3200", 2), Ok(320_000));
        assert_eq!(amount("12.5", 2), Ok(1250));
        assert_eq!(amount("1,234.50", 2), Ok(123_450));
        assert_eq!(amount("1,234,567", 0), Ok(1_234_567));
        assert_eq!(amount("3200.00", 0), Ok(3200));
        assert_eq!(amount("1.250", 3), Ok(1250));
        for bad in [
            "1,234",
            "1.234,50",
            "NT$100",
            "-5",
            "1.005",
            "",
            ".5",
            "5.",
            "1 000",
            "99999999999999999999",
        ] {
            let bad = Cell { text: bad.to_owned(), is_text: false };
            assert_eq!(bad.amount(2).unwrap_err().code, "amount", "{bad:?}");
        }
        assert_eq!(amount("1E+06", 2), Err("scientific"));
    }

    #[test]
    fn percents_flags_and_lists_are_read_as_people_write_them() {
        let percent = |raw: &str| cell(raw).percent().map_err(|wrong| wrong.code);
        assert_eq!((percent("5"), percent("5%"), percent("0")), (Ok(5000), Ok(5000), Ok(0)));
        assert_eq!((percent("0.5%"), percent("8.875")), (Ok(500), Ok(8875)));
        for bad in ["0.05", "101", "five"] {
            assert_eq!(percent(bad), Err("percent"), "{bad}");
        }
        assert_eq!((cell("是").flag(), cell("No").flag()), (Ok(true), Ok(false)));
        assert!(cell("maybe").flag().is_err());
        assert_eq!(cell("winch、 wheel lift|").list(), ["winch", "wheel lift"]);
    }
}
