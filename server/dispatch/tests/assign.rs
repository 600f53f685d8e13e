//! Laws of the assignment, against every possible answer.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use dispatch::assign::{Costs, Pairs, solve};
use proptest::prelude::*;

/// A small table: costs of staying alone, and pairs of which some are forbidden.
fn tables() -> impl Strategy<Value = (Vec<i64>, Vec<Vec<Option<i64>>>)> {
    (0_usize..6, 0_usize..6, 1_i64..40).prop_flat_map(|(rows, columns, greatest)| {
        let pair = prop_oneof![1 => Just(None), 3 => (0..greatest).prop_map(Some)];
        let alone = proptest::collection::vec(0..greatest * 2, rows);
        let table = proptest::collection::vec(proptest::collection::vec(pair, columns), rows);
        (alone, table)
    })
}

fn costs(alone: &[i64], table: &[Vec<Option<i64>>]) -> Costs {
    let columns = table.first().map_or(0, Vec::len);
    let mut costs = Costs::new(alone.to_vec(), columns).unwrap();
    for (row, line) in table.iter().enumerate() {
        for (column, cost) in line.iter().enumerate() {
            if let Some(cost) = cost {
                costs.allow(row, column, *cost).unwrap();
            }
        }
    }
    costs
}

/// Every answer with its sum.
fn answers(costs: &Costs, alone: &[i64]) -> Vec<(Vec<Option<usize>>, i64)> {
    fn go(
        costs: &Costs,
        alone: &[i64],
        columns: &mut Vec<Option<usize>>,
        sum: i64,
        all: &mut Vec<(Vec<Option<usize>>, i64)>,
    ) {
        let row = columns.len();
        if row == alone.len() {
            all.push((columns.clone(), sum));
            return;
        }
        columns.push(None);
        go(costs, alone, columns, sum + alone[row], all);
        columns.pop();
        for column in 0..costs.columns() {
            let Some(cost) = costs.cost(row, column) else { continue };
            if !columns.contains(&Some(column)) {
                columns.push(Some(column));
                go(costs, alone, columns, sum + cost, all);
                columns.pop();
            }
        }
    }
    let mut all = Vec::new();
    go(costs, alone, &mut Vec::new(), 0, &mut all);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_sum_is_the_least_of_all_answers((alone, table) in tables()) {
        let costs = costs(&alone, &table);
        let pairs = solve(&costs);
        let all = answers(&costs, &alone);
        let least = all.iter().map(|(_, sum)| *sum).min().unwrap();
        prop_assert_eq!(pairs.sum, least);
        prop_assert!(all.contains(&(pairs.column.clone(), pairs.sum)), "the pairs have that sum");
        let columns: Vec<usize> = pairs.column.iter().flatten().copied().collect();
        prop_assert_eq!(columns.iter().collect::<HashSet<_>>().len(), columns.len());
    }

    #[test]
    fn the_gap_is_what_the_best_answer_without_the_pair_costs_more((alone, table) in tables()) {
        let costs = costs(&alone, &table);
        let pairs = solve(&costs);
        let all = answers(&costs, &alone);
        for (row, gap) in pairs.gap.iter().enumerate() {
            let others = all.iter().filter(|(columns, _)| columns[row] != pairs.column[row]);
            let without = others.map(|(_, sum)| sum - pairs.sum).min();
            prop_assert_eq!(*gap, without, "row {} of {:?}", row, &pairs);
        }
        let others = all.iter().filter(|(columns, _)| *columns != pairs.column);
        let second = others.map(|(_, sum)| sum - pairs.sum).min();
        prop_assert_eq!(pairs.second_best(), second);
    }

    #[test]
    fn the_order_of_jobs_and_technicians_changes_no_sum_and_no_certain_pair(
        (alone, table) in tables(),
        turn in 0_usize..6,
    ) {
        let before = solve(&costs(&alone, &table));
        let rows = alone.len().max(1);
        let columns = table.first().map_or(0, Vec::len).max(1);
        let row_at = |row: usize| (row + turn) % rows;
        let column_at = |column: usize| (column + turn) % columns;
        let other: Vec<Vec<Option<i64>>> = (0..alone.len())
            .map(|row| {
                let line = &table[row_at(row)];
                (0..line.len()).map(|column| line[column_at(column)]).collect()
            })
            .collect();
        let others: Vec<i64> = (0..alone.len()).map(|row| alone[row_at(row)]).collect();
        let after: Pairs = solve(&costs(&others, &other));
        prop_assert_eq!(before.sum, after.sum);
        prop_assert_eq!(before.second_best(), after.second_best());
        for row in 0..alone.len() {
            if before.gap[row_at(row)] != Some(0) {
                let column = after.column[row].map(column_at);
                prop_assert_eq!(column, before.column[row_at(row)]);
                prop_assert_eq!(after.gap[row], before.gap[row_at(row)]);
            }
        }
    }
}

#[test]
fn nobody_goes_where_everybody_is_forbidden() {
    let pairs = solve(&Costs::new(vec![7, 9], 3).unwrap());
    assert_eq!(pairs, Pairs { column: vec![None, None], sum: 16, gap: vec![None, None] });
    assert_eq!(solve(&Costs::new(vec![], 3).unwrap()).second_best(), None);
}

#[test]
fn costs_beyond_bounds_are_refused() {
    assert!(Costs::new(vec![0; 100_000], 100_000).is_err());
    assert!(Costs::new(vec![0; usize::MAX >> 40], usize::MAX).is_err());
    assert!(Costs::new(vec![-1], 1).is_err());
    assert!(Costs::new(vec![i64::MAX], 1).is_err());
    let mut costs = Costs::new(vec![1], 1).unwrap();
    for (row, column, cost) in [(0, 0, -1), (0, 0, i64::MAX), (0, 1, 1), (1, 0, 1)] {
        assert!(costs.allow(row, column, cost).is_err(), "{row} {column} {cost}");
    }
}
