//! The word that somebody meant.

/// What to say of a word that is not one of those that are known.
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(word, known) {
        return format!("unknown {what}; did you mean `{near}`?");
    }
    match known {
        [] => format!("unknown {what}; none is expected here"),
        [one] => format!("unknown {what}; expected `{one}`"),
        _ => format!("unknown {what}; expected one of `{}`", known.join("`, `")),
    }
}

/// The known word that `word` most likely stands for; `None` where none is near.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance_to = |candidate: &'k str| {
        let distance = distance(word, candidate);
        let is_near = distance <= (word.chars().count().max(candidate.chars().count()) / 3).max(1);
        let is_start = word.len() >= 3 && candidate.starts_with(word);
        (is_near || is_start).then_some((distance, candidate))
    };
    let best = known.iter().copied().filter_map(distance_to).min_by_key(|(distance, _)| *distance);
    best.map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let above = &rows[i - 1];
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant() {
        let known = ["check", "subject", "owner", "reason", "expires", "ttft_ms"];
        for (word, meant) in [
            ("ownr", Some("owner")),
            ("onwer", Some("owner")),
            ("expire", Some("expires")),
            ("ttft", Some("ttft_ms")),
            ("Reason", Some("reason")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(unknown("key", "zzz", &["a", "b"]), "unknown key; expected one of `a`, `b`");
    }
}
