//! `time-plan FILE`: how long one parse of the plan in FILE takes, in microseconds.

use std::hint::black_box;
use std::time::Instant;

use fix_plan::FixPlan;

const ROUNDS: u32 = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read(std::env::args().nth(1).ok_or("usage: time-plan FILE")?)?;
    FixPlan::parse(&text)?;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let _ = black_box(FixPlan::parse(black_box(&text)));
    }
    println!("{}", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    Ok(())
}
