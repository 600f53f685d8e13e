//! How much a phone puts into one page: less where something on the way takes no larger body.

use crate::limits;

/// The least a page is cut down to, bytes. Less would only make more requests: no change of more
/// than a note fits, and whatever refuses this refuses a login too.
const LEAST: usize = 4 * 1024;

/// Encoded bytes at which the next page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSize(usize);

impl Default for PageSize {
    fn default() -> Self {
        Self(limits::PAGE_BYTES)
    }
}

impl PageSize {
    /// Bytes at which a page ends.
    pub fn bytes(self) -> usize {
        self.0
    }

    /// Halves it; whether there was anything to halve.
    pub fn shrink(&mut self) -> bool {
        let smaller = (self.0 / 2).max(LEAST);
        let shrank = smaller < self.0;
        self.0 = smaller;
        shrank
    }

    /// Doubles it again, up to what a page is without anything on the way: the limit may be gone.
    pub fn grow(&mut self) {
        self.0 = (self.0 * 2).min(limits::PAGE_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_halved_down_to_an_end_and_grows_back_to_what_it_was() {
        let mut page = PageSize::default();
        let mut sizes = vec![page.bytes()];
        while page.shrink() {
            sizes.push(page.bytes());
        }
        assert_eq!(sizes.len(), 7);
        assert_eq!(sizes.last(), Some(&LEAST));
        (0..100).for_each(|_| page.grow());
        assert_eq!(page, PageSize::default());
    }
}
