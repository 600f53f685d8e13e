//! Times without any coverage, in order and apart from each other.

/// Half-open spans of milliseconds, sorted and merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outages(Vec<(i64, i64)>);

impl Outages {
    /// Spans in any order; empty ones are dropped and overlapping ones joined.
    pub fn new(mut spans: Vec<(i64, i64)>) -> Self {
        spans.retain(|(start, end)| start < end);
        spans.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// The spans.
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// Whether there is no coverage at this moment.
    pub fn contains(&self, at_ms: i64) -> bool {
        self.end_of(at_ms).is_some()
    }

    /// When the outage of this moment ends, if there is one.
    pub fn end_of(&self, at_ms: i64) -> Option<i64> {
        let before = self.0.partition_point(|(start, _)| *start <= at_ms);
        let (_, end) = self.0[..before].last()?;
        (at_ms < *end).then_some(*end)
    }

    /// When the next outage begins after this moment.
    pub fn next_start(&self, after_ms: i64) -> Option<i64> {
        let next = self.0.partition_point(|(start, _)| *start <= after_ms);
        self.0.get(next).map(|(start, _)| *start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_joined_and_half_open() {
        let outages = Outages::new(vec![(50, 60), (10, 20), (20, 30), (5, 5)]);
        assert_eq!(outages.spans(), [(10, 30), (50, 60)]);
        assert_eq!(outages.end_of(10), Some(30));
        assert_eq!(outages.end_of(30), None);
        assert_eq!(outages.next_start(10), Some(50));
        assert_eq!(outages.next_start(50), None);
    }
}
