//! The connection that writes, with what it knows of the newest events.

use rusqlite::Connection;

use super::tail::Tail;
use crate::LedgerError;

/// What a writer works with. Whoever has it is the only one in this process that writes.
#[derive(Debug)]
pub struct Books {
    /// The connection.
    pub connection: Connection,
    /// The newest events; behind the file when other processes have appended.
    pub tail: Tail,
    /// The tail has caught up in the open transaction, and nobody else can append until its end.
    current: bool,
}

impl Books {
    /// Knows nothing yet.
    pub fn new(connection: Connection) -> Self {
        Self { connection, tail: Tail::default(), current: false }
    }

    /// Runs what is said, and keeps what it has written if it returns `Ok`; durable when this returns.
    pub fn transaction<T, E>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E>
    where
        E: From<LedgerError>,
    {
        self.current = false;
        self.command("BEGIN IMMEDIATE")?;
        let ends = self.tail.ends();
        let done = body(self).and_then(|value| {
            self.file()?;
            self.command("COMMIT")?;
            Ok(value)
        });
        if done.is_err() {
            self.forget_unless_at(ends);
            // After some failures the engine has rolled back by itself.
            if !self.connection.is_autocommit() {
                self.command("ROLLBACK")?;
            }
        }
        done
    }

    /// Runs what is said within a transaction, and takes back what it has written if it returns false.
    pub fn part(&mut self, body: impl FnOnce(&mut Self) -> bool) -> Result<(), LedgerError> {
        self.command("SAVEPOINT part")?;
        let ends = self.tail.ends();
        let keep = body(self);
        if self.connection.is_autocommit() {
            return Err(LedgerError::Engine("the engine has rolled back".to_owned()));
        }
        if !keep {
            self.command("ROLLBACK TO part")?;
            self.forget_unless_at(ends);
        }
        self.command("RELEASE part")
    }

    /// Has the tail as it is in the file, until the end of the transaction.
    pub fn catch_up(&mut self) -> Result<(), LedgerError> {
        if !self.current {
            self.tail.catch_up(&self.connection)?;
            self.current = true;
        }
        Ok(())
    }

    /// What has been learnt since may have been rolled back.
    fn forget_unless_at(&mut self, ends: (u64, u64)) {
        if self.tail.ends() != ends {
            self.tail.forget();
            self.current = false;
        }
    }

    fn file(&mut self) -> Result<(), LedgerError> {
        if self.current && self.tail.is_full_with(0) { self.tail.file(&self.connection) } else { Ok(()) }
    }

    fn command(&self, sql: &str) -> Result<(), LedgerError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::Books;
    use crate::contract::sample::{commit, commit_of, event, stream};
    use crate::sqlite::append::{append, at_once};
    use crate::sqlite::schema;
    use crate::written::WrittenCommit;
    use crate::{AppendError, Expected, LedgerError, Position};

    fn books() -> Books {
        let connection = Connection::open_in_memory().unwrap();
        schema::prepare(&connection).unwrap();
        Books::new(connection)
    }

    fn pair(id: u128) -> WrittenCommit {
        let events = vec![event("a"), event("b")];
        WrittenCommit::new(commit_of(id, stream(1), Expected::Empty, events)).unwrap()
    }

    fn single(id: u128, expected: Expected) -> WrittenCommit {
        WrittenCommit::new(commit(id, stream(1), expected)).unwrap()
    }

    fn refused() -> AppendError {
        LedgerError::Engine("refused".to_owned()).into()
    }

    #[test]
    fn what_a_failed_transaction_has_appended_is_not_remembered() {
        let mut books = books();
        let failed: Result<(), AppendError> =
            books.transaction(|books| append(books, &pair(1)).and(Err(refused())));
        assert!(failed.is_err());
        // It would append at version 2 if it thought that there are two events.
        assert!(at_once(&mut books, &single(2, Expected::Version(2))).is_none());
        let appended = at_once(&mut books, &single(3, Expected::Empty)).unwrap().unwrap();
        assert_eq!((appended.version, appended.position), (1, Some(Position::from_u64(1))));
    }

    #[test]
    fn what_a_refused_part_has_appended_is_not_remembered_and_the_parts_before_it_are() {
        let mut books = books();
        let done: Result<_, AppendError> = books.transaction(|books| {
            books.part(|books| append(books, &single(1, Expected::Empty)).is_ok())?;
            books.part(|books| {
                append(books, &single(2, Expected::Version(1))).unwrap();
                false
            })?;
            append(books, &single(3, Expected::Version(1)))
        });
        let appended = done.unwrap();
        assert_eq!((appended.version, appended.position), (2, Some(Position::from_u64(2))));
        let next = at_once(&mut books, &single(4, Expected::Any)).unwrap().unwrap();
        assert_eq!((next.version, next.position), (3, Some(Position::from_u64(3))));
    }
}
