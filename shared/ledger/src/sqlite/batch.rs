//! Several jobs in one transaction, with one flush.

use tokio::sync::oneshot;

use super::books::Books;
use crate::LedgerError;

/// Something to be done while writing. Answered only when the transaction is durable.
pub trait Job: Send {
    /// Does it, inside a transaction. False: what it has written is to be taken back. May be called
    /// again, when the transaction failed.
    fn run(&mut self, books: &mut Books) -> bool;
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
    W: Fn(&mut Books) -> Result<T, E> + Send,
    T: Send,
    E: Send + From<LedgerError>,
{
    fn run(&mut self, books: &mut Books) -> bool {
        self.result.insert((self.work)(books)).is_ok()
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
pub fn run(books: &mut Books, jobs: &mut [Box<dyn Job>]) {
    let Err(error) = transaction(books, jobs) else { return };
    match jobs {
        [only] => only.fail(error),
        several => several.chunks_mut(1).for_each(|one| run(books, one)),
    }
}

fn transaction(books: &mut Books, jobs: &mut [Box<dyn Job>]) -> Result<(), LedgerError> {
    if let [only] = jobs {
        // `None`: it has its own error, and the transaction has none.
        let done = books.transaction(|books| if only.run(books) { Ok(()) } else { Err(None) });
        return done.or_else(|error| error.map_or(Ok(()), Err));
    }
    books.transaction(|books| jobs.iter_mut().try_for_each(|job| books.part(|books| job.run(books))))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tokio::sync::oneshot::Receiver;

    use super::{Asked, Job, run};
    use crate::LedgerError;
    use crate::sqlite::books::Books;

    type Answer = Receiver<Result<(), LedgerError>>;

    fn insert(bytes: u32) -> (Box<dyn Job>, Answer) {
        let (job, answer) = Asked::new(move |books: &mut Books| {
            books.connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?;
            Ok::<_, LedgerError>(())
        });
        (Box::new(job), answer)
    }

    fn refuse() -> (Box<dyn Job>, Answer) {
        let (job, answer) = Asked::new(|books: &mut Books| {
            books.connection.execute("INSERT INTO t VALUES ('must be taken back')", [])?;
            Err::<(), _>(LedgerError::Engine("refused".to_owned()))
        });
        (Box::new(job), answer)
    }

    fn database() -> Books {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA max_page_count = 40; CREATE TABLE t (x)").unwrap();
        Books::new(connection)
    }

    fn answers(books: &mut Books, asked: Vec<(Box<dyn Job>, Answer)>) -> Vec<Result<(), LedgerError>> {
        let (mut jobs, answers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        run(books, &mut jobs);
        jobs.into_iter().for_each(Job::answer);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    fn rows(books: &Books) -> i64 {
        books.connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_refused_job_is_taken_back_and_the_others_are_kept() {
        for refused in 0..3 {
            let mut books = database();
            let jobs = (0..3).map(|at| if at == refused { refuse() } else { insert(1) }).collect();
            let answers = answers(&mut books, jobs);
            let ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
            assert_eq!(ok, (0..3).map(|at| at != refused).collect::<Vec<_>>());
            assert_eq!(rows(&books), 2);
        }
    }

    #[test]
    fn a_full_disk_is_told_to_the_job_that_fills_it_and_reads_still_work() {
        let mut books = database();
        let answers = answers(&mut books, vec![insert(1), insert(1_000_000), insert(1)]);
        assert!(matches!(answers[..], [Ok(()), Err(LedgerError::Full(_)), Ok(())]), "{answers:?}");
        assert_eq!(rows(&books), 2);
        assert!(books.connection.is_autocommit(), "no transaction is left open");
    }

    #[test]
    fn a_lone_refused_job_leaves_no_transaction_open() {
        let mut books = database();
        let answers = answers(&mut books, vec![refuse()]);
        assert!(
            matches!(&answers[..], [Err(LedgerError::Engine(reason))] if reason == "refused"),
            "{answers:?}"
        );
        assert_eq!(rows(&books), 0);
        assert!(books.connection.is_autocommit());
    }
}
