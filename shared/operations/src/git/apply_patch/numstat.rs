//! Reads `git apply --numstat -z`: `<added> TAB <removed> TAB <path> NUL` for each file of a patch.

use super::PatchedFile;
use crate::Exit;

/// The files of a patch; what does not fit the format is left out.
pub(super) fn read(exit: Option<&Exit>) -> Vec<PatchedFile> {
    let bytes = exit.map_or(&[][..], |exit| &exit.stdout);
    let whole = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let records = bytes[..whole].split(|byte| *byte == 0).map(String::from_utf8_lossy);
    records
        .filter_map(|record| {
            let mut columns = record.splitn(3, '\t');
            let (additions, deletions) = (columns.next()?.parse().ok(), columns.next()?.parse().ok());
            Some(PatchedFile { path: columns.next()?.to_owned(), additions, deletions })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_file_has_no_lines_and_a_path_may_have_a_tab() {
        let exit = Exit { stdout: b"1\t2\ta\tb\0-\t-\tbin\0".to_vec(), ..Exit::default() };
        let files = read(Some(&exit));
        assert_eq!(
            (files[0].path.as_str(), files[0].additions, files[0].deletions),
            ("a\tb", Some(1), Some(2))
        );
        assert_eq!((files[1].path.as_str(), files[1].additions), ("bin", None));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b"12-\t\0a\xff") {
            read(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
