//! The load of a test in words of the reader's language: a bundle has it as `open poisson 4/s` or `closed 8`.

use crate::ReportError;
use crate::escape::clean;
use crate::messages::Messages;

/// `load` in words. What is not of a known form stays as it is; what follows a comma does so, too.
pub(crate) fn words(load: &str, messages: &Messages) -> Result<String, ReportError> {
    let load = clean(load);
    let (head, tail) = load.split_once(", ").map_or((load.as_str(), None), |(head, tail)| (head, Some(tail)));
    let parts: Vec<&str> = head.split(' ').collect();
    let words = match parts.as_slice() {
        ["open", process, rate] if messages.find("load", process).is_some() && is_rate(rate) => {
            let rate = rate.trim_end_matches("/s");
            messages.fill("load", process, &[("rate", &messages.numeral(rate))])?
        }
        ["closed", streams] if streams.parse::<u32>().is_ok() => {
            messages.fill("load", "closed", &[("n", streams)])?
        }
        _ => head.to_owned(),
    };
    Ok(tail.map_or_else(|| words.clone(), |tail| format!("{words}, {tail}")))
}

fn is_rate(text: &str) -> bool {
    text.strip_suffix("/s").is_some_and(|rate| rate.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Theme;

    #[test]
    fn known_loads_have_words_and_others_stay() {
        let theme = Theme::builtin().unwrap();
        let said = |load| words(load, theme.messages()).unwrap();
        assert_eq!(said("open poisson 4.5/s"), "4.5 requests/s (Poisson)");
        assert_eq!(said("open constant 8/s"), "8 requests/s (evenly spaced)");
        assert_eq!(said("closed 8"), "8 requests at a time");
        assert_eq!(said("closed 8, 2000 → 300 tokens"), "8 requests at a time, 2000 → 300 tokens");
        for odd in ["", "open", "open poisson", "open poisson x/s", "open title 4/s", "closed -1", "ramp 2"] {
            assert_eq!(said(odd), odd);
        }
        let german = Theme::builtin().unwrap().with_language("de").unwrap();
        assert_eq!(words("closed 8", german.messages()).unwrap(), "8 Anfragen zugleich");
    }
}
