//! Several jobs in one transaction, with one flush.

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::LedgerError;

/// Something to be done while writing. Answered only when the transaction is durable.
pub trait Job: Send {
    /// Does it, inside a transaction. False: what it has written is to be taken back. May be called
    /// again, when the transaction failed.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Takes note of a failure of the transaction.
    fn fail(&mut self, error: LedgerError);
    /// Gives the answer.
    fn answer(self: Box<Self>);
}

/// A job with somebody who waits for its result.
pub struct Asked<W, T, E> {
    work: W,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E> Asked<W, T, E> {
    /// The job, and where its answer comes out.
    pub fn new(work: W) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { work, result: None, reply }, answer)
    }
}

impl<W, T, E> Job for Asked<W, T, E>
where
    W: Fn(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: Send + From<LedgerError>,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result.insert((self.work)(connection)).is_ok()
    }

    fn fail(&mut self, error: LedgerError) {
        // Its own error is the better reason.
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(error.into()));
        }
    }

    fn answer(self: Box<Self>) {
        // Whoever asked may have gone; the append stands all the same. A job without a result is
        // answered by its end.
        let Self { result, reply, .. } = *self;
        if let Some(result) = result {
            let _ = reply.send(result);
        }
    }
}

/// Runs all jobs in one transaction; when that fails, each in its own, so that one's failure is not the
/// others'. The jobs are still to be answered.
pub fn run(connection: &Connection, jobs: &mut [Box<dyn Job>]) {
    let Err(error) = transaction(connection, jobs) else { return };
    match jobs {
        [only] => only.fail(error),
        several => several.chunks_mut(1).for_each(|one| run(connection, one)),
    }
}

fn transaction(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), LedgerError> {
    command(connection, "BEGIN IMMEDIATE")?;
    let done =
        run_each(connection, jobs).and_then(|any| if any { command(connection, "COMMIT") } else { Ok(()) });
    // Nothing to keep, or a failure. After some failures the engine has rolled back by itself.
    if !connection.is_autocommit() {
        command(connection, "ROLLBACK")?;
    }
    done
}

/// Says whether there is anything to keep.
fn run_each(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<bool, LedgerError> {
    if let [only] = jobs {
        return Ok(only.run(connection));
    }
    let mut any = false;
    for job in jobs {
        command(connection, "SAVEPOINT job")?;
        let keep = job.run(connection);
        if connection.is_autocommit() {
            return Err(LedgerError::Engine("the engine has rolled back".to_owned()));
        }
        if !keep {
            command(connection, "ROLLBACK TO job")?;
        }
        command(connection, "RELEASE job")?;
        any |= keep;
    }
    Ok(any)
}

fn command(connection: &Connection, sql: &str) -> Result<(), LedgerError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tokio::sync::oneshot::Receiver;

    use super::{Asked, Job, run};
    use crate::LedgerError;

    type Answer = Receiver<Result<(), LedgerError>>;

    fn insert(bytes: u32) -> (Box<dyn Job>, Answer) {
        let (job, answer) = Asked::new(move |connection: &Connection| {
            connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?;
            Ok::<_, LedgerError>(())
        });
        (Box::new(job), answer)
    }

    fn refuse() -> (Box<dyn Job>, Answer) {
        let (job, answer) = Asked::new(|connection: &Connection| {
            connection.execute("INSERT INTO t VALUES ('must be taken back')", [])?;
            Err::<(), _>(LedgerError::Engine("refused".to_owned()))
        });
        (Box::new(job), answer)
    }

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA max_page_count = 40; CREATE TABLE t (x)").unwrap();
        connection
    }

    fn answers(connection: &Connection, asked: Vec<(Box<dyn Job>, Answer)>) -> Vec<Result<(), LedgerError>> {
        let (mut jobs, answers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        run(connection, &mut jobs);
        jobs.into_iter().for_each(Job::answer);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    fn rows(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_refused_job_is_taken_back_and_the_others_are_kept() {
        for refused in 0..3 {
            let connection = database();
            let jobs = (0..3).map(|at| if at == refused { refuse() } else { insert(1) }).collect();
            let answers = answers(&connection, jobs);
            let ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(ok, (0..3).map(|at| at != refused).collect::<Vec<_>>());
            assert_eq!(rows(&connection), 2);
        }
    }

    #[test]
    fn a_full_disk_is_told_to_the_job_that_fills_it_and_reads_still_work() {
        let connection = database();
        let answers = answers(&connection, vec![insert(1), insert(1_000_000), insert(1)]);
        assert!(matches!(answers[..], [Ok(()), Err(LedgerError::Full(_)), Ok(())]), "{answers:?}");
        assert_eq!(rows(&connection), 2);
        assert!(connection.is_autocommit(), "no transaction is left open");
    }

    #[test]
    fn a_lone_refused_job_leaves_no_transaction_open() {
        let connection = database();
        let answers = answers(&connection, vec![refuse()]);
        assert!(
            matches!(&answers[..], [Err(LedgerError::Engine(reason))] if reason == "refused"),
            "{answers:?}"
        );
        assert_eq!(rows(&connection), 0);
        assert!(connection.is_autocommit());
    }
}
