//! Pages as Rust code.

use std::fmt::Write;

use plumb_check_sdk::{CheckMeta, Threshold};

use crate::page::CheckPage;

/// Units with the types that stand for them.
const UNITS: [(&str, &str); 16] = [
    ("%", "Percent"),
    ("count", "Count"),
    ("1/s", "PerSecond"),
    ("1/d", "PerDay"),
    ("µs", "Microseconds"),
    ("ms", "Milliseconds"),
    ("s", "Seconds"),
    ("bit", "Bits"),
    ("B", "Bytes"),
    ("GiB", "Gibibytes"),
    ("Mbit/s", "MegabitsPerSecond"),
    ("Gbit/s", "GigabitsPerSecond"),
    ("MB/s", "MegabytesPerSecond"),
    ("MHz", "Megahertz"),
    ("°C", "Celsius"),
    ("W", "Watts"),
];

/// The type for a unit.
pub(crate) fn unit_type(symbol: &str) -> Option<&'static str> {
    UNITS.iter().find(|(unit, _)| *unit == symbol).map(|(_, name)| *name)
}

/// All units, as errors name them.
pub(crate) fn units() -> Vec<String> {
    UNITS.iter().map(|(unit, _)| format!("`{unit}`")).collect()
}

/// The module `pages` of a pack.
pub(crate) fn pages(pages: &[CheckPage]) -> String {
    let mut code = String::from(
        "/// The sentences of all checks, as the pack hands them over.\n\
         pub const WORDS: &str = include_str!(concat!(env!(\"OUT_DIR\"), \"/words.json\"));\n",
    );
    let checks: Vec<String> = pages.iter().map(|page| format!("&{}::Checked", page.module)).collect();
    let _ = writeln!(
        code,
        "/// All checks that have a page.\npub const CHECKS: &[&dyn ::plumb_check_sdk::Check] = &[{}];",
        checks.join(", ")
    );
    for page in pages {
        // Writing to a `String` cannot fail.
        let _ = check(&mut code, page);
    }
    code
}

fn check(code: &mut String, page: &CheckPage) -> std::fmt::Result {
    writeln!(code, "\n/// The page of `{}`.\npub mod {} {{", page.meta.id, page.module)?;
    writeln!(code, "    #[allow(unused_imports, reason = \"not every page has all of it\")]")?;
    writeln!(
        code,
        "    use ::plumb_check_sdk::{{limit, Arg, Category, ChangeKind, CheckMeta, Claim, Page, Question, Reference, Remediation, Severity, Threshold, ThresholdBasis, WorkloadTrait}};"
    )?;
    writeln!(code, "    #[allow(unused_imports, reason = \"not every page has all of it\")]")?;
    writeln!(code, "    use ::std::borrow::Cow::Borrowed;")?;
    writeln!(code, "    /// What reports and manifest say of the check.")?;
    writeln!(code, "    pub static PAGE: Page = Page {{ cause: {:?}, meta: CheckMeta {{", page.cause)?;
    meta(code, &page.meta)?;
    writeln!(code, "    }} }};")?;
    writeln!(
        code,
        "    /// The check: its page, and the function `evaluate` of its module.\n    pub struct Checked;\n    \
         impl ::plumb_check_sdk::Check for Checked {{\n        fn meta(&self) -> &'static CheckMeta {{\n            \
         &PAGE\n        }}\n        fn evaluate(&self, evidence: &::plumb_check_sdk::Evidence<'_>) -> \
         Result<Vec<::plumb_check_sdk::Finding>, ::plumb_check_sdk::Missing> {{\n            \
         Ok(PAGE.findings(crate::{}::evaluate(evidence)))\n        }}\n    }}",
        page.module
    )?;
    for (key, threshold) in page.limits.iter().zip(page.meta.thresholds.iter()) {
        limit(code, key, threshold)?;
    }
    writeln!(code, "    /// The sentences, each with the values that it names.\n    pub mod words {{")?;
    writeln!(code, "        use ::plumb_check_sdk::{{Arg, Said}};")?;
    for (name, variant) in &page.variants {
        let type_name = pascal(name);
        let example = if variant.example.is_empty() { name } else { &variant.example };
        // In a code span: a value in braces would read as a link otherwise.
        writeln!(code, "        /// `{}`", example.replace('`', "'"))?;
        writeln!(code, "        #[derive(Clone, Debug)]")?;
        writeln!(code, "        pub struct {type_name} {{")?;
        for arg in &variant.args {
            writeln!(code, "            /// `${arg}`\n            pub {arg}: Arg,")?;
        }
        writeln!(code, "        }}")?;
        writeln!(
            code,
            "        impl From<{type_name}> for Said {{\n            fn from(said: {type_name}) -> Self {{"
        )?;
        if variant.args.is_empty() {
            writeln!(code, "                let {type_name} {{}} = said;")?;
        }
        let args: Vec<String> = variant.args.iter().map(|arg| format!("({arg:?}, said.{arg})")).collect();
        writeln!(code, "                Self {{ variant: {name:?}, args: [{}].into() }}", args.join(", "))?;
        writeln!(code, "            }}\n        }}")?;
    }
    writeln!(code, "    }}\n}}")
}

fn meta(code: &mut String, meta: &CheckMeta) -> std::fmt::Result {
    let text = |text: &str| format!("Borrowed({text:?})");
    let texts = |texts: &[plumb_check_sdk::Text]| {
        format!("Borrowed(&[{}])", texts.iter().map(|own| text(own)).collect::<Vec<_>>().join(", "))
    };
    writeln!(code, "        id: {}, title: {},", text(&meta.id), text(&meta.title))?;
    writeln!(
        code,
        "        category: Category::{:?}, severity: Severity::{:?},",
        meta.category, meta.severity
    )?;
    writeln!(code, "        gate: {}, top15_rank: {:?},", meta.gate, meta.top15_rank)?;
    writeln!(code, "        rationale: {}, business: {},", text(&meta.rationale), text(&meta.business))?;
    writeln!(code, "        needs: {},", texts(&meta.needs))?;
    let remedy = &meta.remediation;
    writeln!(
        code,
        "        remediation: Remediation {{ runtime: Borrowed(\"\"), persistent: Borrowed(\"\"), rollback: Borrowed(\"\"), \
         change: ChangeKind::{:?}, verification: Borrowed(\"\"), expected_effect: {} }},",
        remedy.change,
        text(&remedy.expected_effect)
    )?;
    let questions: Vec<String> = meta
        .questions
        .iter()
        .map(|question| format!("Question {{ id: {}, decides: {} }}", text(&question.id), question.decides))
        .collect();
    writeln!(
        code,
        "        questions: Borrowed(&[{}]), positions: {},",
        questions.join(", "),
        texts(&meta.positions)
    )?;
    let some = |own: &Option<plumb_check_sdk::Text>| {
        own.as_ref().map_or("None".to_owned(), |own| format!("Some({})", text(own)))
    };
    let claims: Vec<String> = meta
        .claims
        .iter()
        .map(|own| {
            let (variant, topic) = (text(&own.variant), text(&own.topic));
            format!(
                "Claim {{ variant: {variant}, topic: {topic}, is: {}, arg: {} }}",
                some(&own.is),
                some(&own.arg)
            )
        })
        .collect();
    writeln!(code, "        claims: Borrowed(&[{}]),", claims.join(", "))?;
    let thresholds: Vec<String> = meta.thresholds.iter().map(threshold).collect();
    writeln!(code, "        thresholds: Borrowed(&[{}]),", thresholds.join(", "))?;
    let traits: Vec<String> = meta.amplified_by.iter().map(|own| format!("WorkloadTrait::{own:?}")).collect();
    writeln!(code, "        amplified_by: Borrowed(&[{}]),", traits.join(", "))?;
    let caveat = meta.caveat.as_ref().map_or("None".to_owned(), |caveat| format!("Some({})", text(caveat)));
    writeln!(code, "        applicability: {}, caveat: {caveat},", text(&meta.applicability))?;
    let references: Vec<String> = meta
        .references
        .iter()
        .map(|own| format!("Reference {{ title: {}, url: {} }}", text(&own.title), text(&own.url)))
        .collect();
    writeln!(code, "        references: Borrowed(&[{}]),", references.join(", "))
}

fn threshold(own: &Threshold) -> String {
    format!(
        "Threshold {{ name: Borrowed({:?}), number: {:?}, unit: Borrowed({:?}), basis: ThresholdBasis::{:?}, source: Borrowed({:?}), \
         date: Borrowed({:?}), applies_to: Borrowed({:?}) }}",
        own.name, own.number, own.unit, own.basis, own.source, own.date, own.applies_to
    )
}

fn limit(code: &mut String, key: &str, own: &Threshold) -> std::fmt::Result {
    let unit = unit_type(&own.unit).unwrap_or("Count");
    writeln!(code, "    /// {} ({} {}).", own.name, own.number, own.unit)?;
    writeln!(
        code,
        "    pub const {}: limit::Limit<limit::{unit}> = limit::Limit {{ name: {:?}, value: limit::Quantity::new({:?}), \
         basis: ThresholdBasis::{:?}, source: {:?}, date: {:?}, applies_to: {:?} }};",
        key.to_uppercase().replace('-', "_"),
        own.name,
        own.number,
        own.basis,
        own.source,
        own.date,
        own.applies_to
    )
}

/// `held-low` as `HeldLow`.
fn pascal(name: &str) -> String {
    name.split(['-', '_'])
        .filter(|word| !word.is_empty())
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}
