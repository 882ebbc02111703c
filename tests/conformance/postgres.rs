//! The run store in PostgreSQL, over a real server.

use fix_adapters::run_store::Postgres;
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, conformance};
use fix_pipeline::{AdapterErrorKind, Entry, OutcomeCode, Pipeline, RunId, RunStore};
use fix_tests::postgres::PostgresServer;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A database, opened by whoever asks.
struct Database(SecretString);

impl conformance::StoreHarness for Database {
    type Store = Postgres;

    async fn open(&self) -> Postgres {
        Postgres::open(&self.0).await.unwrap()
    }

    fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}

#[tokio::test]
async fn the_store_in_postgres() {
    let Some(server) = PostgresServer::start() else { return };
    let found = conformance::durable_run_store(&Database(server.url())).await;
    assert!(found.left_out().is_empty(), "{:?}", found.left_out());
    found.assert();

    let store = Postgres::open(&server.url()).await.unwrap();
    let (run, entries) = whole_run(&store).await;
    assert_eq!(entries.len(), 9);
    let again = Postgres::open(&server.url()).await.unwrap();
    assert_eq!(again.load(run).await.unwrap(), entries, "entries survive");
    let runs = again.runs(1_000).await.unwrap();
    let row = runs.iter().find(|row| row.run_id == run.to_string()).expect("the row changes with the journal");
    assert_eq!((row.status.as_str(), row.error.as_deref()), ("opened", None));
    assert!(row.created_at.ends_with('Z') && row.created_at <= row.updated_at, "{row:?}");
}

/// A whole run, with a pull request at its end.
async fn whole_run(store: &impl RunStore) -> (RunId, Vec<Entry>) {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), store);
    let run = pipeline.run(&case.failure, &case.tree).await.unwrap().run;
    (run, store.load(run).await.unwrap())
}

#[tokio::test]
async fn what_is_acknowledged_survives_a_crash_of_the_server() {
    let Some(mut server) = PostgresServer::start() else { return };
    let (run, entries) = whole_run(&Postgres::open(&server.url()).await.unwrap()).await;
    let copy = RunId::of(&"event-2".parse().unwrap());
    let store = Postgres::open(&server.url()).await.unwrap();
    let mut entries_in_time = entries.iter();
    for entry in entries_in_time.by_ref().take(4) {
        store.append(copy, entry).await.unwrap();
    }
    server.crash();
    let rest: Vec<&Entry> = entries_in_time.collect();
    let error = store.append(copy, rest[0]).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{error:?}");
    assert!(error.is_transient());
    assert_eq!(store.load(copy).await.unwrap_err().kind(), AdapterErrorKind::Unavailable);
    server.restart();
    assert_eq!(store.load(run).await.unwrap(), entries);
    assert_eq!(store.load(copy).await.unwrap(), entries[..4], "the same store goes on");
    for entry in rest {
        store.append(copy, entry).await.unwrap();
    }
    assert_eq!(store.load(copy).await.unwrap(), entries);
}

/// Eight workers in two processes' worth of connections, each trying to write every entry: one wins each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_workers_that_race_one_wins_each_step() {
    let Some(server) = PostgresServer::start() else { return };
    let stores = [Postgres::open(&server.url()).await.unwrap(), Postgres::open(&server.url()).await.unwrap()];
    let (_, entries) = whole_run(&stores[0]).await;
    let run = RunId::of(&"event-2".parse().unwrap());
    let workers = (0..8).map(|worker| {
        let (store, entries) = (stores[worker % 2].clone(), entries.clone());
        tokio::spawn(async move {
            let mut won = 0;
            for entry in &entries {
                match store.append(run, entry).await {
                    Ok(()) => won += 1,
                    Err(error) => assert_eq!(error.kind(), AdapterErrorKind::Conflict, "{error:?}"),
                }
            }
            won
        })
    });
    let mut won = 0;
    for worker in workers.collect::<Vec<_>>() {
        won += worker.await.unwrap();
    }
    assert_eq!(won, entries.len());
    assert_eq!(stores[1].load(run).await.unwrap(), entries);
}

#[tokio::test]
async fn what_is_changed_or_gone_is_noticed_and_shown() {
    let Some(server) = PostgresServer::start() else { return };
    let store = Postgres::open(&server.url()).await.unwrap();
    let (run, entries) = whole_run(&store).await;
    let mut database = PgConnection::connect(server.url().expose_secret()).await.unwrap();
    let mut change = async |query: &str| {
        sqlx::query(AssertSqlSafe(query)).execute(&mut database).await.unwrap();
    };
    let problem = async || {
        let error = store.load(run).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Damaged, "{error:?}");
        let [row] = store.runs(10).await.unwrap().try_into().unwrap();
        assert_eq!(row.status, "set_aside");
        error.to_string()
    };
    for entry in &entries {
        let (sequence, json) = (entry.sequence(), entry.to_json().replace('\'', "''"));
        let set =
            |json: &str| format!("UPDATE fix_pipeline_entries SET entry_json = '{json}' WHERE sequence = {sequence}");
        change(&set(&json.replacen("\":", "\": ", 1))).await;
        assert!(problem().await.contains(&format!("entry {sequence} ")));
        change(&set(&json)).await;
    }
    change("CREATE TABLE kept AS SELECT * FROM fix_pipeline_runs").await;
    let text = ["event_id", "repository", "status", "patch_diff"];
    let json = ["plan_json", "plan_policy_json", "patch_stats_json", "patch_policy_json", "validation_json", "pr_json"];
    let changed = text.map(|column| (column, format!("{column} || 'x'")));
    for (column, value) in changed.into_iter().chain(json.map(|column| (column, "'[]'".to_owned()))) {
        change(&format!("UPDATE fix_pipeline_runs SET {column} = {value}")).await;
        assert!(problem().await.contains(&format!("column {column} ")));
        change(&format!(
            "UPDATE fix_pipeline_runs AS run SET {column} = kept.{column} FROM kept WHERE kept.id = run.id"
        ))
        .await;
    }
    assert_eq!(store.load(run).await.unwrap(), entries);
    let [row] = store.runs(10).await.unwrap().try_into().unwrap();
    assert_eq!(row.status, "opened", "nothing is set aside any more");
    change("DELETE FROM fix_pipeline_entries WHERE sequence = 8").await;
    assert!(problem().await.contains("column status "));
}

#[tokio::test]
async fn what_can_not_be_opened_says_why_and_tells_no_password() {
    let Some(server) = PostgresServer::start() else { return };
    let socket = server.url().expose_secret().split_once("host=").unwrap().1.to_owned();
    for (url, kind) in [
        ("mysql://root:hunter2@h/x".to_owned(), AdapterErrorKind::Refused),
        (format!("postgres://postgres:hunter2@localhost/absent?host={socket}"), AdapterErrorKind::Refused),
        (format!("postgres://nobody:hunter2@localhost/postgres?host={socket}"), AdapterErrorKind::Refused),
        ("postgres://postgres:hunter2@localhost/postgres?host=/nowhere".to_owned(), AdapterErrorKind::Unavailable),
    ] {
        let error = Postgres::open(&url.clone().into()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{url}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    }
    // Tables of somebody else.
    let mut database = PgConnection::connect(server.url().expose_secret()).await.unwrap();
    sqlx::query("CREATE TABLE fix_pipeline_runs (x INT)").execute(&mut database).await.unwrap();
    assert_eq!(Postgres::open(&server.url()).await.unwrap_err().kind(), AdapterErrorKind::Refused);
}

/// A run goes on in the database where another worker left it.
#[tokio::test]
async fn a_second_worker_adopts_the_run() {
    let Some(server) = PostgresServer::start() else { return };
    let case = Case::missing_dependency();
    let forge = FakeForge::default();
    for _ in 0..2 {
        let store = Postgres::open(&server.url()).await.unwrap();
        let source = FakePlanSource::answering([case.plan.clone()]);
        let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), &forge, store);
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    }
    assert_eq!(forge.pull_requests().len(), 1);
}
