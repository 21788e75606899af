//! Secrets that show by themselves: keys that their issuers mark, private keys, and text that only chance writes.

/// What may follow a prefix.
#[derive(Clone, Copy)]
enum Rest {
    /// Hexadecimal digits.
    Hex,
    /// Letters and digits.
    Plain,
    /// Letters, digits, `_` and `-`.
    Word,
    /// The same and `.`, `=`, `+`, `/`, `~`, `%`, `|`.
    Any,
}

use Rest::{Any, Hex, Plain, Word};

/// Prefixes by which issuers mark their keys, how many characters follow at least, and which.
///
/// Lengths are somewhat below what issuers write today: they have changed before. What is short or a word of its own needs
/// more behind it, so that names of options and models stay.
const ISSUED: &[(&str, usize, Rest)] = &[
    // Models, data and inference.
    ("sk-", 13, Any),
    ("sess-", 24, Word),
    ("hf_", 12, Plain),
    ("api_org_", 12, Plain),
    ("nvapi-", 10, Word),
    ("gsk_", 12, Word),
    ("pplx-", 16, Plain),
    ("r8_", 16, Plain),
    ("fw_", 16, Plain),
    ("tgp_v1_", 12, Word),
    ("csk-", 16, Word),
    ("xai-", 16, Word),
    ("jina_", 16, Word),
    ("lsv2_", 16, Word),
    ("pk-lf-", 16, Word),
    ("wandb_v1_", 12, Word),
    ("dapi", 32, Hex),
    ("ntn_", 20, Plain),
    ("secret_", 32, Plain),
    // Clouds.
    ("AKIA", 12, Plain),
    ("ASIA", 12, Plain),
    ("ABIA", 12, Plain),
    ("ACCA", 12, Plain),
    ("A3T", 15, Plain),
    ("ABSK", 40, Any),
    ("bedrock-api-key-", 12, Any),
    ("AIza", 25, Word),
    ("ya29.", 16, Any),
    ("GOCSPX-", 16, Word),
    ("1//", 30, Word),
    ("LTAI", 12, Plain),
    ("AKID", 28, Plain),
    ("doo_v1_", 32, Hex),
    ("dop_v1_", 32, Hex),
    ("dor_v1_", 32, Hex),
    ("HRKU-", 30, Word),
    ("fo1_", 24, Word),
    ("fm1a_", 40, Any),
    ("fm1r_", 40, Any),
    ("fm2_", 40, Any),
    ("v1.0-", 60, Word),
    ("pscale_tkn_", 20, Any),
    ("pscale_oauth_", 20, Any),
    ("pscale_pw_", 20, Any),
    ("pul-", 32, Hex),
    ("rnd_", 24, Plain),
    ("sbp_", 32, Hex),
    ("tskey-", 16, Word),
    // Source and packages.
    ("ghp_", 16, Plain),
    ("gho_", 16, Plain),
    ("ghu_", 16, Plain),
    ("ghs_", 16, Any),
    ("ghr_", 16, Plain),
    ("github_pat_", 16, Word),
    ("glpat-", 12, Any),
    ("gldt-", 16, Word),
    ("glrt-", 16, Any),
    ("glft-", 16, Word),
    ("glimt-", 16, Word),
    ("glagent-", 20, Word),
    ("gloas-", 20, Word),
    ("glptt-", 20, Word),
    ("glcbt-", 16, Word),
    ("glffct-", 16, Word),
    ("glsoat-", 16, Word),
    ("GR1348941", 16, Word),
    ("ATATT3", 30, Any),
    ("ATBB", 24, Plain),
    ("ATCTT3", 30, Any),
    ("npm_", 24, Plain),
    ("pypi-", 40, Word),
    ("rubygems_", 32, Hex),
    ("oy2", 43, Plain),
    ("CLOJARS_", 30, Plain),
    ("dckr_pat_", 16, Word),
    ("dckr_oat_", 16, Word),
    ("AKCp", 40, Plain),
    ("cmVmd", 40, Plain),
    ("sntrys_", 20, Any),
    ("sntryu_", 32, Hex),
    ("sgp_", 40, Word),
    ("sqp_", 32, Hex),
    ("squ_", 32, Hex),
    ("sqa_", 32, Hex),
    // Operation.
    ("hvs.", 20, Word),
    ("hvb.", 20, Word),
    ("hvr.", 20, Word),
    ("ops_eyJ", 20, Any),
    ("A3-", 30, Word),
    ("dp.pt.", 24, Plain),
    ("dp.st.", 24, Any),
    ("dt0c01.", 30, Any),
    ("dt0s01.", 30, Any),
    ("glc_", 24, Any),
    ("glsa_", 24, Word),
    ("NRAK-", 20, Plain),
    ("NRII-", 20, Word),
    ("PMAK-", 30, Word),
    ("API-", 26, Plain),
    ("sha256~", 30, Word),
    ("ico-", 32, Plain),
    ("tk-us-", 40, Word),
    ("lin_api_", 24, Plain),
    ("pnu_", 30, Plain),
    ("AGE-SECRET-KEY-", 30, Plain),
    ("pat", 60, Any),
    // Messages.
    ("xoxa-", 8, Word),
    ("xoxb-", 8, Word),
    ("xoxe-", 8, Word),
    ("xoxe.xox", 8, Any),
    ("xoxo-", 8, Word),
    ("xoxp-", 8, Word),
    ("xoxr-", 8, Word),
    ("xoxs-", 8, Word),
    ("xapp-", 12, Word),
    ("SG.", 30, Any),
    ("xkeysib-", 30, Word),
    ("key-", 32, Hex),
    ("SK", 32, Hex),
    ("AC", 32, Hex),
    ("EAA", 80, Plain),
    // Money and shops.
    ("sk_live_", 10, Plain),
    ("sk_test_", 10, Plain),
    ("sk_prod_", 10, Plain),
    ("rk_live_", 10, Plain),
    ("rk_test_", 10, Plain),
    ("rk_prod_", 10, Plain),
    ("whsec_", 24, Any),
    ("sq0atp-", 16, Word),
    ("sq0csp-", 16, Word),
    ("EAAA", 40, Word),
    ("shpat_", 24, Hex),
    ("shpca_", 24, Hex),
    ("shppa_", 24, Hex),
    ("shpss_", 24, Hex),
    ("shippo_live_", 24, Hex),
    ("shippo_test_", 24, Hex),
    ("EZAK", 40, Plain),
    ("EZTK", 40, Plain),
    ("FLWSECK", 12, Word),
    ("duffel_live_", 24, Any),
    ("duffel_test_", 24, Any),
    ("fio-u-", 32, Any),
    ("rdme_", 40, Plain),
    ("p8e-", 24, Plain),
    ("sm_aat_", 12, Plain),
    ("sm_pat_", 12, Plain),
    ("sm_sat_", 12, Plain),
    // Web tokens: base64 of `{"`.
    ("eyJ", 13, Any),
    ("ey", 36, Any),
    ("ZXlK", 30, Any),
];

/// What issuers write inside of a key instead of before it: mark, characters before and behind at least.
const INSIDE: &[(&str, usize, usize)] = &[
    ("Q~", 4, 25),
    (".atlasv1.", 10, 40),
    ("T3BlbkFJ", 16, 16),
    (":AA", 8, 30),
    ("_mmk", 30, 0),
    ("-us", 32, 1),
];

/// Where the issued key at `at` ends, if there is one: its prefix has to stand at the beginning of a word.
pub(super) fn issued(text: &[u8], at: usize) -> Option<usize> {
    if at > 0 && text[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &text[at..];
    let begins = |(prefix, least, kind): &(&str, usize, Rest)| {
        rest.starts_with(prefix.as_bytes()) && run(&rest[prefix.len()..], *kind) >= *least
    };
    ISSUED.iter().any(begins).then(|| at + run(rest, Any))
}

/// Whether `word` is a key that is marked inside, an access key of letters and digits in one of the known lengths, or a
/// text that only chance writes. `named` is whether it is the value of an option, a variable or a member.
pub(super) fn looks_random(word: &[u8], named: bool) -> bool {
    let marked = |(mark, before, behind): &(&str, usize, usize)| {
        let found = word.windows(mark.len()).position(|part| part == mark.as_bytes());
        found.is_some_and(|at| at >= *before && word.len() - at - mark.len() >= *behind)
    };
    if word.len() >= 32 && INSIDE.iter().any(marked) && is_mixed(word) {
        return true;
    }
    let least = if named { 16 } else { 20 };
    word.split(|byte| !byte.is_ascii_alphanumeric()).any(|part| part.len() >= least && is_chance(part))
}

/// Letters of both cases and digits, which change so often that no word and no name can be in it. Of random characters of
/// these three kinds 62 in 100 differ in kind from the one before; of names of models and classes fewer than 30.
fn is_chance(part: &[u8]) -> bool {
    let kind = |byte: &u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
    let changes = part.windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    is_mixed(part) && changes * 100 >= (part.len() - 1) * 38
}

fn is_mixed(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_lowercase)
        && (word.iter().any(u8::is_ascii_uppercase) || word.contains(&b'_') || word.contains(&b'-'))
        && word.iter().any(u8::is_ascii_digit)
}

/// How many characters of the kind `text` begins with.
fn run(text: &[u8], kind: Rest) -> usize {
    let belongs = |byte: &u8| match kind {
        Hex => byte.is_ascii_hexdigit(),
        Plain => byte.is_ascii_alphanumeric(),
        Word => byte.is_ascii_alphanumeric() || b"_-".contains(byte),
        Any => byte.is_ascii_alphanumeric() || b"_-.=+/~%|".contains(byte),
    };
    text.iter().take_while(|byte| belongs(byte)).count()
}

/// Masks private keys in PEM form, which span lines: all between their first line and their last, or the end.
pub(super) fn without_private_keys(text: &[u8], mask: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    let find = |from: usize, what: &[u8]| {
        text.get(from..)?.windows(what.len()).position(|part| part == what).map(|at| from + at)
    };
    let mut kept = Vec::new();
    let mut done = 0;
    while let Some(begin) = find(done, BEGIN) {
        let label = begin + BEGIN.len();
        let Some(dashes) = find(label, b"-----") else { break };
        let stop = if text[label..dashes].ends_with(b"PRIVATE KEY")
            || text[label..dashes].ends_with(b"PRIVATE KEY BLOCK")
        {
            kept.extend_from_slice(&text[done..dashes + 5]);
            kept.extend_from_slice(mask);
            find(dashes, END).unwrap_or(text.len())
        } else {
            kept.extend_from_slice(&text[done..dashes + 5]);
            dashes + 5
        };
        done = stop;
    }
    (done > 0).then(|| {
        kept.extend_from_slice(&text[done..]);
        kept
    })
}
