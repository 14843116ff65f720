//! AWS' signature, version 4, for the requests that the program for one machine can send, which has no SDK.

use std::fmt::Write;

use gitledger_sandboxes::Secret;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

/// Who signs, and for which region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// `us-east-1`
    pub region: String,
    /// The key's id.
    pub key_id: String,
    /// The key.
    pub secret: Secret,
    /// Of a role: its session.
    pub session_token: Option<Secret>,
}

/// What one signature is for.
pub(crate) struct Signing<'a> {
    pub aws: &'a Aws,
    pub service: &'a str,
    pub at: Timestamp,
    /// What is signed besides: the content's type, and whatever else begins with `x-amz-`. In lower case.
    pub also: &'a [(&'static str, &'a str)],
}

impl Signing<'_> {
    /// The headers that make a request a signed one. The address has no query.
    pub(crate) fn headers(&self, method: &str, address: &Url, body: &[u8]) -> Vec<(&'static str, String)> {
        let at = self.at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let host = match (address.host_str(), address.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let mut signed = vec![("host", host), ("x-amz-date", at.clone())];
        if let Some(token) = &self.aws.session_token {
            signed.push(("x-amz-security-token", token.expose().to_owned()));
        }
        signed.extend(self.also.iter().map(|(name, value)| (*name, (*value).to_owned())));
        signed.sort_unstable_by_key(|(name, _)| *name);
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = signed.iter().flat_map(|(name, value)| [*name, ":", value, "\n"]).collect();
        let canonical =
            format!("{method}\n{}\n\n{lines}\n{names}\n{}", address.path(), hex(&Sha256::digest(body)));
        let day = &at[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.aws.region, self.service);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let first = format!("AWS4{}", self.aws.secret.expose());
        let key = [day, &self.aws.region, self.service, "aws4_request"]
            .iter()
            .fold(first.into_bytes(), |key, part| hmac(&key, part.as_bytes()));
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        let id = &self.aws.key_id;
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        // The host is the client's own to send.
        let sent = signed.into_iter().filter(|(name, _)| *name != "host");
        sent.chain([("authorization", authorization)]).collect()
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let short = if key.len() > BLOCK { Sha256::digest(key).to_vec() } else { key.to_vec() };
    let mut padded = [0_u8; BLOCK];
    padded[..short.len()].copy_from_slice(&short);
    let with = |byte: u8| padded.map(|own| own ^ byte);
    let inner = Sha256::new().chain_update(with(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(with(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `get-vanilla` of AWS' own suite of signatures.
    #[test]
    fn a_signature_is_what_aws_says() {
        let aws = Aws {
            region: "us-east-1".to_owned(),
            key_id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        };
        let signing =
            Signing { aws: &aws, service: "service", at: "2015-08-30T12:36:00Z".parse().unwrap(), also: &[] };
        let headers = signing.headers("GET", &"https://example.amazonaws.com/".parse().unwrap(), b"");
        assert_eq!(headers[0], ("x-amz-date", "20150830T123600Z".to_owned()));
        let wanted = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                      SignedHeaders=host;x-amz-date, \
                      Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(headers[1].1, wanted);
    }

    /// `post-x-www-form-urlencoded` of the same suite.
    #[test]
    fn other_headers_are_signed_in_order() {
        let aws = Aws {
            region: "us-east-1".to_owned(),
            key_id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        };
        let at = "2015-08-30T12:36:00Z".parse().unwrap();
        let also = [("content-type", "application/x-www-form-urlencoded")];
        let signing = Signing { aws: &aws, service: "service", at, also: &also };
        let address = "https://example.amazonaws.com/".parse().unwrap();
        let headers = signing.headers("POST", &address, b"Param1=value1");
        let authorization = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        assert!(authorization.1.contains("SignedHeaders=content-type;host;x-amz-date"), "{authorization:?}");
        let wanted = "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        assert!(authorization.1.ends_with(wanted), "{authorization:?}");
    }
}
