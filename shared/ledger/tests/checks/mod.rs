//! What must be true of a ledger's file, whatever has happened to it.

use std::path::Path;

use rusqlite::Connection;

/// Each of these finds nothing in a file that is whole.
const FAULTS: &[(&str, &str)] = &[
    (
        "a version is there twice, or is missing",
        "SELECT stream FROM events GROUP BY stream HAVING count(DISTINCT seq) <> count(*) OR max(seq) <> count(*)",
    ),
    (
        "a position is filed at a wrong place",
        "SELECT p.value FROM streams AS s CROSS JOIN json_each(s.positions) AS p LEFT JOIN events AS e ON e.pos = p.value
         WHERE e.stream IS NOT s.stream OR e.seq IS NOT s.seq + p.key OR e.pos > (SELECT pos FROM filed)",
    ),
    (
        "an event is not filed, or filed twice",
        "SELECT 1 FROM (SELECT count(*) AS all_filed, count(DISTINCT p.value) AS different
                        FROM streams AS s CROSS JOIN json_each(s.positions) AS p)
         WHERE all_filed <> different OR all_filed <> (SELECT count(*) FROM events WHERE pos <= (SELECT pos FROM filed))",
    ),
    (
        "a late commit is not filed, or wrong",
        "SELECT pos, stream, commit_id, seq FROM events WHERE seq > 16 AND pos <= (SELECT pos FROM filed)
         EXCEPT SELECT pos, stream, commit_id, seq FROM late_commits",
    ),
    (
        "a late commit is filed that is not in the ledger",
        "SELECT pos, stream, commit_id, seq FROM late_commits
         EXCEPT SELECT pos, stream, commit_id, seq FROM events WHERE seq > 16 AND pos <= (SELECT pos FROM filed)",
    ),
    ("events wait to be filed for too long", "SELECT 1 FROM filed WHERE (SELECT max(pos) FROM events) - pos >= 128"),
];

/// The engine finds its file whole, and what is filed is what is in the ledger. Returns up to where events
/// are filed.
pub fn check_file(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    for (fault, sql) in FAULTS {
        assert!(!connection.prepare(sql).unwrap().exists([]).unwrap(), "{fault}");
    }
    connection.query_row("SELECT pos FROM filed", [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}
