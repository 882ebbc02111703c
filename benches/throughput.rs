//! Complete runs a second over one SQLite file, by many workers on two threads; beside bare inserts of the same
//! rows by the same statements under the same settings: by one writer, and by as many.

mod journals;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fix_adapters::run_store::Sqlite;
use fix_pipeline::RunId;
use journals::{Row, connect, entries, event, pipeline};
use tokio::runtime::Runtime;

const ROUNDS: usize = 7;
const RUNS: u64 = 480;
const WORKERS: u64 = 16;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let rows: Arc<Vec<Row>> = Arc::new(runtime.block_on(entries()).iter().map(Row::of).collect());
    let sides: [(&str, Side); 3] = [
        ("complete runs, 16 workers", &|runtime, file| whole_runs(runtime, file)),
        ("bare inserts, 1 writer", &|runtime, file| bare_inserts(runtime, file, &rows, 1)),
        ("bare inserts, 16 writers", &|runtime, file| bare_inserts(runtime, file, &rows, WORKERS)),
    ];
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, side), rates) in sides.iter().zip(&mut rates) {
            rates.push(rate(&runtime, *side));
        }
    }
    let [runs, one, many] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("{:28}{:>14}", "median of 7", "runs a second");
    for ((name, _), rate) in sides.iter().zip([runs, one, many]) {
        println!("{name:28}{rate:>14.0}");
    }
    println!(
        "ratio throughput: {:.2} of one bare writer, {:.2} of 16; {runs:.0} complete runs a second",
        runs / one,
        runs / many
    );
}

type Side<'s> = &'s dyn Fn(&Runtime, &Path);

/// Runs a second, in a file of its own.
fn rate(runtime: &Runtime, side: Side<'_>) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    runtime.block_on(async { drop(Sqlite::open(&file).await.expect("tables")) });
    let start = Instant::now();
    side(runtime, &file);
    RUNS as f64 / start.elapsed().as_secs_f64()
}

fn whole_runs(runtime: &Runtime, file: &Path) {
    let store = runtime.block_on(Sqlite::open(file)).expect("a store");
    let pipeline = Arc::new(pipeline(store));
    in_parallel(runtime, WORKERS, |numbers| {
        let pipeline = Arc::clone(&pipeline);
        async move {
            for number in numbers {
                let case = event(number);
                pipeline.run(&case.failure, &case.tree).await.expect("a run");
            }
        }
    });
}

fn bare_inserts(runtime: &Runtime, file: &Path, rows: &Arc<Vec<Row>>, writers: u64) {
    in_parallel(runtime, writers, |numbers| {
        let (rows, file) = (Arc::clone(rows), file.to_owned());
        async move {
            let mut database = connect(&file).await;
            for number in numbers {
                let run = RunId::of(&event(number).failure.event_id).to_string();
                for row in rows.iter() {
                    row.insert(&mut database, &run).await;
                }
            }
        }
    });
}

/// The numbers of all runs, dealt out to so many tasks.
fn in_parallel<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    tasks: u64,
    task: impl Fn(std::iter::StepBy<std::ops::Range<u64>>) -> F,
) {
    let running: Vec<_> = (0..tasks)
        .map(|first| runtime.spawn(task((first..RUNS).step_by(usize::try_from(tasks).expect("few")))))
        .collect();
    runtime.block_on(async {
        for task in running {
            task.await.expect("done");
        }
    });
}
