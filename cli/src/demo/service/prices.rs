//! What things cost, in cents.

const PRICES: [(&str, u32); 3] = [("tea", 250), ("bread", 320), ("rope", 1_490)];

/// All prices.
pub fn load() -> Result<Vec<(String, u32)>, String> {
    Ok(PRICES.iter().map(|(name, cents)| ((*name).to_owned(), *cents)).collect())
}

#[cfg(test)]
#[test]
fn everything_has_a_price() {
    assert!(load().is_ok_and(|prices| prices.iter().all(|(_, cents)| *cents > 0)));
}
