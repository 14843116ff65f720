//! One spelling per repository: rules that name a repository must not be got around by writing it otherwise.

use url::Url;

/// Whether host and path are written plainly: no dot at the host's end, no empty part, and `%` only before
/// what cannot stand there itself, in upper case. A server reads `/%61pp` and `/app` alike; a rule does not.
pub(super) fn is_plain(url: &Url) -> bool {
    let path = url.path();
    !url.host_str().is_some_and(|host| host.ends_with('.'))
        && !path.contains("//")
        && is_escaped_plainly(path)
}

fn is_escaped_plainly(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let Some(digits) = rest.get(..2) else { return false };
        let Ok(byte) = u8::from_str_radix(digits, 16) else { return false };
        let stands_itself = byte.is_ascii_alphanumeric() || b"-._~/\\".contains(&byte);
        !stands_itself && byte > b'\x1f' && byte != 0x7f && digits == digits.to_ascii_uppercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_of_the_same_repository_is_not_plain() {
        let plain = |path: &str| is_plain(&Url::parse(&format!("https://github.com{path}")).unwrap());
        for good in ["/acme/app", "/acme/app.git", "/acme/app/", "/a%20b/c", "/\u{fc}/c", "/a/../acme/app"] {
            assert!(plain(good), "{good}");
        }
        for bad in [
            "/acme/%61pp",
            "/acme%2Fapp",
            "/acme//app",
            "/a%c3%bc/c",
            "/..%2fb",
            "/a%5Cb",
            "/a%00b",
            "/a%",
            "/a%+1",
        ] {
            assert!(!plain(bad), "{bad}");
        }
        assert!(!is_plain(&Url::parse("https://github.com./acme/app").unwrap()));
    }
}
