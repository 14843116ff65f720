//! From a stored event to its brief by the narrow reader: the same brief as by the general one, or none.

use gitledger_events::fact::TYPES;

use super::brief::{Brief, Kind, REUSE_NAMED, REUSE_NEW, REUSE_PAUSED, REUSE_READY, REUSE_WARM};
use super::names::Names;
use super::plain::Cursor;
use super::reading::RawEvent;

/// A number that has not been read yet.
const ABSENT: u64 = u64::MAX;

/// The parts of the envelope that count.
#[derive(Default)]
struct Meta<'a> {
    agent: Option<&'a str>,
    repo: Option<&'a str>,
    operation: Option<&'a str>,
}

impl RawEvent<'_> {
    /// Its brief, if everything in it is as we write it.
    pub(super) fn plainly(&self, names: &mut Names) -> Option<Brief> {
        let mut brief = Brief {
            position: self.position,
            at: self.at,
            first: self.version == 1,
            kind: self.kind()?,
            ..Brief::default()
        };
        let meta = meta(self.meta)?;
        // Names are numbered last: what is not taken here is read again, and numbers must come in the same order.
        let mut code = None;
        self.numbers(&mut brief, &mut code)?;
        brief.agent = names.again(0, meta.agent);
        brief.repo = names.again(1, meta.repo);
        brief.operation = names.again(2, meta.operation);
        brief.sandbox = names.again(3, self.stream.strip_prefix("sandbox-"));
        if code.is_some() {
            brief.code = names.optional(code);
        }
        Some(brief)
    }

    /// What happened; `None` for a type that nobody knows.
    fn kind(&self) -> Option<Kind> {
        Some(match self.name {
            "OperationRequested" => Kind::Requested,
            "OperationSucceeded" => Kind::Succeeded,
            "SandboxLeased" => Kind::Leased,
            "SandboxReleased" => Kind::Released,
            "OperationFailed" => Kind::Failed,
            "SandboxCreated" => Kind::Created,
            "SandboxPaused" => Kind::Paused,
            "SandboxResumed" => Kind::Resumed,
            "SandboxKilled" => Kind::Killed,
            "SandboxExtended" => Kind::Extended,
            "SandboxExpired" => Kind::Expired,
            "SandboxLost" => Kind::Lost,
            "PushAttempted" => Kind::Pushed,
            "ConflictDetected" => Kind::Conflict,
            "OperationAbandoned" => Kind::Abandoned,
            name => TYPES.iter().find(|(known, _)| *known == name).map(|_| Kind::Other)?,
        })
    }

    /// The numbers that go with the kind, and the name of a failure.
    fn numbers<'a>(&'a self, brief: &mut Brief, code: &mut Option<&'a str>) -> Option<()> {
        let mut data = Cursor::new(self.data);
        match brief.kind {
            Kind::Succeeded | Kind::Failed => {
                (brief.a, brief.b, brief.c) = (ABSENT, ABSENT, ABSENT);
                data.object(|key, value| match key {
                    "duration_ms" => once(&mut brief.a, value.millis()?),
                    "git_ms" => once(&mut brief.b, value.millis()?),
                    "sandbox_wait_ms" => once(&mut brief.c, value.millis()?),
                    "code" => some(code, value),
                    _ => value.skip(),
                })?;
                all(&[brief.a, brief.b, brief.c])?;
            }
            Kind::Created => {
                let (mut vcpu, mut memory_mb) = (ABSENT, ABSENT);
                (brief.a, brief.b) = (ABSENT, ABSENT);
                data.object(|key, value| match key {
                    "vcpu" => once(&mut vcpu, value.whole()?),
                    "memory_mb" => once(&mut memory_mb, value.whole()?),
                    "creation_ms" => once(&mut brief.a, value.millis()?),
                    "expires_at" => once(&mut brief.b, value.instant()?),
                    _ => value.skip(),
                })?;
                all(&[brief.a, brief.b])?;
                brief.small = u16::try_from(vcpu).ok()?;
                brief.code = u32::try_from(memory_mb).ok()?;
            }
            Kind::Leased => {
                let mut reuse = ABSENT;
                (brief.a, brief.b) = (ABSENT, ABSENT);
                data.object(|key, value| match key {
                    "epoch" => once(&mut brief.a, value.whole()?),
                    "until" => once(&mut brief.b, value.instant()?),
                    "reuse" => once(&mut reuse, from(value.string()?)?),
                    _ => value.skip(),
                })?;
                all(&[brief.a, brief.b])?;
                brief.small = u16::try_from(reuse).ok()?;
            }
            Kind::Released => {
                brief.a = ABSENT;
                data.object(|key, value| match key {
                    "epoch" => once(&mut brief.a, value.whole()?),
                    _ => value.skip(),
                })?;
                all(&[brief.a])?;
            }
            Kind::Resumed | Kind::Extended => {
                let resumed = brief.kind == Kind::Resumed;
                (brief.a, brief.b) = (if resumed { ABSENT } else { 0 }, ABSENT);
                data.object(|key, value| match key {
                    "resume_ms" if resumed => once(&mut brief.a, value.millis()?),
                    "expires_at" => once(&mut brief.b, value.instant()?),
                    _ => value.skip(),
                })?;
                all(&[brief.a, brief.b])?;
            }
            Kind::Pushed => {
                let mut attempt = ABSENT;
                data.object(|key, value| match key {
                    "attempt" => once(&mut attempt, value.whole()?),
                    _ => value.skip(),
                })?;
                brief.small = u16::try_from(attempt).ok()?;
            }
            // Of these, that they happened is all.
            _ => return Some(()),
        }
        data.end()
    }
}

fn meta(text: &str) -> Option<Meta<'_>> {
    let mut meta = Meta::default();
    let (mut version, mut actors) = (ABSENT, 0);
    let mut cursor = Cursor::new(text);
    cursor.object(|key, value| match key {
        "schema_version" => once(&mut version, value.whole()?),
        "operation" => some(&mut meta.operation, value),
        "repo" => some(&mut meta.repo, value),
        "actor" => {
            actors += 1;
            value.object(|key, value| match key {
                "agent_id" => some(&mut meta.agent, value),
                _ => value.skip(),
            })
        }
        _ => value.skip(),
    })?;
    cursor.end()?;
    // Every type has had a first version; whether a later one is known, the general reader says.
    (version <= 1 && actors <= 1).then_some(meta)
}

/// A number, which may come only once.
#[inline]
fn once(slot: &mut u64, value: u64) -> Option<()> {
    (std::mem::replace(slot, value) == ABSENT).then_some(())
}

/// A name; `null` and a second one are for the general reader.
#[inline]
fn some<'a>(slot: &mut Option<&'a str>, value: &mut Cursor<'a>) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value.string()?);
    Some(())
}

fn all(numbers: &[u64]) -> Option<()> {
    numbers.iter().all(|number| *number != ABSENT).then_some(())
}

fn from(reuse: &str) -> Option<u64> {
    Some(u64::from(match reuse {
        "named" => REUSE_NAMED,
        "ready" => REUSE_READY,
        "paused" => REUSE_PAUSED,
        "warm" => REUSE_WARM,
        "new" => REUSE_NEW,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::reading::SerdeJson;

    const AT: i64 = 1_773_100_800_000_000;
    const META: &str = r#"{"schema_version":1,"operation":"push","actor":{"agent_id":"a-1","task_id":"t"},"repo":"github.com/acme/app","correlation_id":"0190b5d0-0000-7000-8000-000000000000"}"#;
    const DATA: [(&str, &str); 10] = [
        ("OperationRequested", r#"{"effect":"writes"}"#),
        (
            "OperationSucceeded",
            r#"{"sandbox_id":"i1","duration_ms":150.25,"git_ms":75,"sandbox_wait_ms":3.5,"refs_changed":[],"output":{"text":"say \"what\"\n"}}"#,
        ),
        (
            "OperationFailed",
            r#"{"code":"push-rejected","duration_ms":0.007,"git_ms":0,"sandbox_wait_ms":1,"retryable":true}"#,
        ),
        (
            "SandboxCreated",
            r#"{"request_id":"r","template":"base","vcpu":2,"memory_mb":512,"creation_ms":412.345,"expires_at":"2026-03-10T01:00:00Z"}"#,
        ),
        (
            "SandboxLeased",
            r#"{"operation_id":"o","epoch":3,"until":"2026-03-10T00:01:00.000001Z","reuse":"warm"}"#,
        ),
        ("SandboxReleased", r#"{"operation_id":"o","epoch":3,"held_ms":812.3}"#),
        ("SandboxExtended", r#"{"expires_at":"2026-03-10T02:00:00Z"}"#),
        ("SandboxResumed", r#"{"resume_ms":811,"expires_at":"2026-03-10T02:00:00Z"}"#),
        ("PushAttempted", r#"{"attempt":2,"outcome":{"kind":"landed"}}"#),
        ("SandboxPaused", "{}"),
    ];

    fn raw<'a>(name: &'a str, meta: &'a str, data: &'a str) -> RawEvent<'a> {
        RawEvent { position: 7, stream: "sandbox-i1", version: 1, name, at: AT, meta, data }
    }

    fn both(raw: &RawEvent<'_>) -> (Option<Brief>, Option<Brief>, bool) {
        let (mut one, mut other) = (Names::default(), Names::default());
        let narrow = raw.plainly(&mut one);
        let general = raw.brief_by::<SerdeJson>(&mut other).ok();
        let names = one.since(0).eq(other.since(0));
        (narrow, general, names)
    }

    #[test]
    fn what_we_write_is_read_by_the_narrow_reader_as_by_the_general_one() {
        for (name, data) in DATA {
            let (narrow, general, names) = both(&raw(name, META, data));
            assert!(narrow.is_some(), "{name} is for the general reader");
            assert_eq!((narrow, names), (general, true), "{name}");
        }
    }

    /// Every cut, every byte put in the place of another, every byte doubled: the narrow reader gives up, or says
    /// what the general one says.
    #[test]
    fn whatever_is_written_the_narrow_reader_never_says_anything_else() {
        let bytes =
            ['"', '\\', '{', '}', '[', ']', ',', ':', '0', '7', '.', '-', 'e', 'n', ' ', '\u{1}', 'ü'];
        for (name, data) in DATA {
            for part in [META, data] {
                for place in 0..part.len() {
                    let mut texts =
                        vec![part[..place].to_owned(), format!("{}{}", &part[..place], &part[place + 1..])];
                    texts.push(format!("{}{}", &part[..=place], &part[place..]));
                    texts.extend(
                        bytes.iter().map(|byte| format!("{}{byte}{}", &part[..place], &part[place + 1..])),
                    );
                    for text in texts {
                        let raw = if part == META { raw(name, &text, data) } else { raw(name, META, &text) };
                        let (narrow, general, names) = both(&raw);
                        if narrow.is_some() {
                            assert_eq!((narrow, names), (general, true), "{name}: {text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn another_version_a_missing_field_and_a_second_one_are_for_the_general_reader() {
        let newer = META.replace(":1,", ":2,");
        let twice = r#"{"epoch":3,"epoch":4}"#;
        for odd in [
            raw("SandboxPaused", &newer, "{}"),
            raw("SandboxReleased", META, twice),
            raw("SandboxReleased", META, "{}"),
            raw("Unheard", META, "{}"),
            raw("SandboxPaused", "{}", "{}"),
        ] {
            assert_eq!(odd.plainly(&mut Names::default()), None, "{odd:?}");
        }
    }

    #[test]
    fn every_type_that_counts_has_a_first_version_and_no_other() {
        let counted = |name: &&str| raw(name, META, "{}").kind().is_some_and(|kind| kind != Kind::Other);
        let types = TYPES.iter().filter(|(name, _)| counted(name));
        assert!(types.clone().count() >= 15);
        assert!(types.clone().all(|(_, version)| *version == 1), "a second version is read here as a first");
    }
}
