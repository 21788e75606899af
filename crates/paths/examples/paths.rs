//! `paths [--cores] [--rounds N]`: measures in this process and prints the record as JSON, for tries on a machine with GPUs.
#![expect(clippy::print_stdout, reason = "it is its work")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut plan = plumb_paths::Plan::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--cores" => plan.cores = true,
            "--rounds" => plan.rounds = words.next().ok_or("expected a number after --rounds")?.parse()?,
            other => return Err(format!("unknown argument `{other}`").into()),
        }
    }
    let record = plumb_paths::measure(&plan)?;
    let found = serde_json::json!({
        "record": record,
        "analysis": plumb_paths::analysis::analyse(&record),
        "cores": plumb_paths::analysis::cores(&record),
    });
    println!("{found}");
    Ok(())
}
