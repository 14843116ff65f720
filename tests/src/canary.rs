//! A secret that is looked for afterwards, in every spelling in which it could have got out.

use std::collections::BTreeSet;
use std::path::Path;

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A secret and its spellings.
#[derive(Clone)]
pub struct Canary {
    secret: String,
    spellings: Vec<(String, Vec<u8>)>,
    firsts: [bool; 256],
}

// A failed assertion must not print what may not be printed.
impl std::fmt::Debug for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canary")
    }
}

impl Canary {
    /// A secret that nothing else on this machine holds. It has characters that are escaped in URLs.
    pub fn new() -> Self {
        Self::of(format!("canary+{}/{}", uuid::Uuid::now_v7().simple(), uuid::Uuid::now_v7().simple()))
    }

    /// Looks for a secret that somebody else made; of at least 38 characters, all ASCII.
    pub fn of(secret: String) -> Self {
        let mut spellings = vec![("plain".to_owned(), secret.clone().into_bytes())];
        for (shift, text) in (0..3).map(|shift| (shift, inner_base64(secret.as_bytes(), shift, PLAIN))) {
            spellings.push((format!("base64, {shift} bytes in"), text));
            spellings
                .push((format!("base64url, {shift} bytes in"), inner_base64(secret.as_bytes(), shift, URL)));
        }
        let percent = secret.replace('+', "%2B").replace('/', "%2F");
        spellings.push(("percent-encoded".to_owned(), percent.to_ascii_lowercase().into_bytes()));
        spellings.push(("percent-encoded".to_owned(), percent.into_bytes()));
        spellings.push(("hexadecimal".to_owned(), hex(secret.as_bytes())));
        // The middle alone: what is cut, or split at its special characters, still is found.
        spellings.push(("in part".to_owned(), secret.as_bytes()[10..38].to_vec()));
        let mut firsts = [false; 256];
        for (_, bytes) in &spellings {
            firsts[usize::from(bytes[0])] = true;
        }
        Self { secret, spellings, firsts }
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Every spelling with its name.
    pub fn spellings(&self) -> &[(String, Vec<u8>)] {
        &self.spellings
    }

    /// The spelling in which it stands in these bytes, if it does.
    pub fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let candidates = bytes.iter().enumerate().filter(|(_, byte)| self.firsts[usize::from(**byte)]);
        for (at, _) in candidates {
            let rest = &bytes[at..];
            if let Some((name, _)) = self.spellings.iter().find(|(_, spelling)| rest.starts_with(spelling)) {
                return Some(format!("the secret, {name}, at byte {at}"));
            }
        }
        None
    }

    /// Every file below a directory, by name and contents, in which it stands; how many were looked at.
    /// What vanishes meanwhile is not looked at; what cannot be read is a complaint.
    pub fn found_below(&self, dir: &Path) -> (BTreeSet<String>, usize) {
        let (mut complaints, mut looked_at) = (BTreeSet::new(), 0);
        let mut dirs = vec![dir.to_path_buf()];
        while let Some(dir) = dirs.pop() {
            let Ok(entries) = std::fs::read_dir(&dir) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                let name = self.found_in(path.as_os_str().as_encoded_bytes());
                complaints.extend(name.map(|what| format!("{} (its name): {what}", path.display())));
                let Ok(found) = path.symlink_metadata() else { continue };
                if found.is_dir() {
                    dirs.push(path);
                } else if found.is_file() {
                    looked_at += 1;
                    match std::fs::read(&path) {
                        Ok(bytes) => complaints
                            .extend(self.found_in(&bytes).map(|what| format!("{}: {what}", path.display()))),
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(error) => {
                            complaints.insert(format!("{}: {error}", path.display()));
                        }
                    }
                }
            }
        }
        (complaints, looked_at)
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

/// The part of the base64 text of `before + bytes` that depends on `bytes` alone, where `before` is `shift` bytes.
fn inner_base64(bytes: &[u8], shift: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    // Whole groups of three bytes that hold nothing but the secret.
    let whole = &bytes[(3 - shift) % 3..];
    let groups = whole.chunks_exact(3);
    groups
        .flat_map(|three| {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            [18, 12, 6, 0].map(|shift| alphabet[(bits >> shift & 63) as usize])
        })
        .collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}
