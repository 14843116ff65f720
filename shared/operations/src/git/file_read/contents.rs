//! Which part of the contents goes into the answer, and how it is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitledger_events::operation::SideEffect;

use super::{Encoding, FileRead, FileReadOutput, source};
use crate::check::range::range;
use crate::failure::classify;
use crate::git::script::Script;
use crate::git::{room, tree_list};
use crate::page::{Paging, json_prefix};
use crate::{Context, Exits, Failure, Page, Step};

/// What the answer takes besides the contents and the path.
const FRAME_BYTES: usize = 500;

/// The steps that print the page, and one byte more if there is more.
pub(super) fn steps(read: &FileRead, context: &Context<'_>, script: Script) -> Script {
    let file = source::file(read, context);
    let paging = &context.envelope.page;
    let lines = read.lines.as_deref().and_then(|lines| range("", lines, 1).ok());
    let (script, file) = match lines {
        Some(lines) => {
            let cut = context.scratch("lines");
            (script.step("lines", lines_step(lines, &file).writing(&cut)), cut)
        }
        None => (script, file),
    };
    let (first, last) = read.bytes.as_deref().and_then(|bytes| range("", bytes, 0).ok()).unwrap_or((0, None));
    let skip = first.saturating_add(paging.skip() as u64);
    let left = last.map_or(u64::MAX, |last| last.saturating_add(1).saturating_sub(skip));
    let count = left.min(paging.max_bytes as u64 + 1);
    let from = [format!("if={file}"), format!("skip={skip}"), format!("count={count}")];
    let part = room::inside(["dd", "status=none", "bs=65536", "iflag=skip_bytes,count_bytes,fullblock"]);
    script.step("part", part.with(from))
}

/// Stops reading after the last line.
fn lines_step((first, last): (u64, Option<u64>), file: &str) -> Step {
    let program = match last {
        Some(last) => format!("{first},{last}p;{last}q"),
        None => format!("{first},$p"),
    };
    room::inside(["sed", "--quiet", "--sandbox", "--expression", &program, file])
}

impl FileRead {
    pub(super) fn contents(
        &self,
        script: &Script,
        exits: &Exits,
        paging: &Paging,
    ) -> Result<FileReadOutput, Box<Failure>> {
        if let Some(link) = script.exit(exits, "link").filter(|exit| exit.ok()) {
            return Ok(self.link(&link.stdout));
        }
        let Some(part) = script.exit(exits, "part").filter(|exit| exit.ok()) else {
            return Err(Box::new(classify(exits, SideEffect::None)));
        };
        let oid = script.line(exits, "oid").unwrap_or_default();
        let (mode, size) = self.known(script, exits, paging);
        let pins = [oid.clone(), mode.clone()];
        paging.same(&pins)?;
        let room = paging.max_bytes.saturating_sub(FRAME_BYTES + 2 * self.path.len()).max(64);
        let (content, encoding, taken) = written(&part.stdout, self.encoding, room);
        let truncated = taken < part.stdout.len();
        let page = Page {
            truncated,
            omitted: Vec::new(),
            cursor: truncated.then(|| paging.next(&pins, paging.skip() + taken)),
        };
        Ok(FileReadOutput { path: self.path.clone(), oid: Some(oid), mode, size, encoding, content, page })
    }

    /// The mode and the size.
    fn known(&self, script: &Script, exits: &Exits, paging: &Paging) -> (String, u64) {
        if let Some(stat) = script.line(exits, "stat") {
            let (size, raw) = stat.split_once(' ').unwrap_or_default();
            let run = u32::from_str_radix(raw, 16).is_ok_and(|mode| mode & 0o100 != 0);
            return (if run { "100755" } else { "100644" }.to_owned(), size.parse().unwrap_or(0));
        }
        let size = script.line(exits, "size").and_then(|size| size.parse().ok()).unwrap_or(0);
        // `<mode> <oid> <stage> TAB <path>` of the index, `<mode> <type> <oid> TAB <path>` of a tree.
        let entries = script.exit(exits, "entry").map(|exit| tree_list::parse(&exit.stdout));
        let oid = script.line(exits, "oid").unwrap_or_default();
        let own = entries.unwrap_or_default().into_iter().find(|entry| match self.stage {
            Some(stage) => entry.oid == stage.to_string(),
            None => entry.oid == oid,
        });
        let before = || paging.pins().and_then(|pins| pins.get(1)).cloned().unwrap_or_default();
        (own.map_or_else(before, |entry| entry.mode), size)
    }

    /// Where a symbolic link leads, which is what git keeps of one.
    fn link(&self, target: &[u8]) -> FileReadOutput {
        let (content, encoding, _) = written(target, self.encoding, usize::MAX);
        FileReadOutput {
            path: self.path.clone(),
            mode: "120000".to_owned(),
            size: target.len() as u64,
            encoding,
            content,
            ..FileReadOutput::default()
        }
    }
}

/// As much as there is room for, how it is written, and how many bytes that are.
fn written(bytes: &[u8], wanted: Encoding, room: usize) -> (String, Encoding, usize) {
    if wanted == Encoding::Utf8 {
        // A character that is cut at the end comes whole with the next page.
        let valid = match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 && bytes.len() > 4 => {
                &bytes[..error.valid_up_to()]
            }
            _ => bytes,
        };
        let fits = json_prefix(valid, room);
        if let Ok(text) = std::str::from_utf8(&valid[..fits])
            && std::str::from_utf8(valid).is_ok()
        {
            return (text.to_owned(), Encoding::Utf8, fits);
        }
    }
    let fits = bytes.len().min(room / 4 * 3);
    (STANDARD.encode(&bytes[..fits]), Encoding::Base64, fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_what_is_no_text_comes_in_base64() {
        let text = "\u{e9}".repeat(100);
        let (content, encoding, taken) = written(text.as_bytes(), Encoding::Utf8, 33);
        assert_eq!((content.len(), encoding, taken), (32, Encoding::Utf8, 32));
        let (_, encoding, taken) = written(&text.as_bytes()[..33], Encoding::Utf8, 1000);
        assert_eq!((encoding, taken), (Encoding::Utf8, 32));
        let (content, encoding, taken) = written(&[0xff, 0, 1, 2], Encoding::Utf8, 4);
        assert_eq!((content.as_str(), encoding, taken), ("/wAB", Encoding::Base64, 3));
    }
}
