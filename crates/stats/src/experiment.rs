//! In which order variants are measured.

use super::Random;

/// Randomised complete blocks: each block measures every variant once, in an order drawn anew for each, so that drift of
/// the machine does not favour a variant.
///
/// Two variants get balanced pairs: in every two blocks, one goes AB and one BA, and chance says which first.
#[must_use]
pub fn order(variants: usize, blocks: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut random = Random::new(seed);
    let mut orders = Vec::with_capacity(blocks);
    while orders.len() < blocks {
        let mut forward: Vec<usize> = (0..variants).collect();
        random.shuffle(&mut forward);
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        orders.push(forward);
        if orders.len() < blocks {
            orders.push(backward);
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_holds_each_variant_and_orders_balance() {
        let orders = order(2, 6, 9);
        assert_eq!(orders, order(2, 6, 9));
        assert_eq!(orders.iter().filter(|order| order[0] == 0).count(), 3);
        for mut block in order(4, 5, 1) {
            block.sort_unstable();
            assert_eq!(block, [0, 1, 2, 3]);
        }
        let firsts = (0..100).filter(|&seed| order(2, 2, seed)[0][0] == 0).count();
        assert!((30..70).contains(&firsts), "{firsts}");
    }
}
