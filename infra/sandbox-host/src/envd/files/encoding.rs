//! Compression of whole files on their way: gzip, or none.

use std::io::{self, Write as _};

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures_util::{StreamExt as _, stream};

/// How a file travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

/// One entry of a header that lists encodings by preference.
struct Offer {
    name: String,
    quality: f32,
}

fn offers(header: &str) -> Vec<Offer> {
    let one = |text: &str| {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        Offer { name, quality }
    };
    header.split(',').map(one).collect()
}

/// The encoding in which the caller most wants the answer, of those that are spoken here. `whole` is false for
/// answers that may be parts of a file, which are only sent as they are. An error is a sentence.
pub(super) fn wanted(headers: &HeaderMap, whole: bool) -> Result<Encoding, String> {
    let header = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let mut offers = offers(header.unwrap_or_default());
    let quality = |name: &str| offers.iter().find(|offer| offer.name == name).map(|offer| offer.quality);
    let refused = |quality: Option<f32>| quality.is_some_and(|quality| quality <= 0.0);
    let identity_refused =
        refused(quality("identity")) || (refused(quality("*")) && quality("identity").is_none());
    if !whole {
        let sentence = "identity encoding not acceptable for Range or conditional request";
        return if identity_refused { Err(sentence.into()) } else { Ok(Encoding::Identity) };
    }
    offers.retain(|offer| offer.quality > 0.0);
    // Stable: of equals, the first named.
    offers.sort_by(|left, right| right.quality.total_cmp(&left.quality));
    let chosen = offers.iter().find_map(|offer| match offer.name.as_str() {
        "gzip" => Some(Encoding::Gzip),
        "*" if identity_refused => Some(Encoding::Gzip),
        "*" | "identity" => Some(Encoding::Identity),
        _ => None,
    });
    match chosen {
        Some(encoding) => Ok(encoding),
        None if identity_refused => Err("no acceptable encoding found, supported: [gzip]".into()),
        None => Ok(Encoding::Identity),
    }
}

/// The body as it was before it was compressed. An error is a sentence.
pub(super) fn decoded(headers: &HeaderMap, body: Body) -> Result<Body, String> {
    let header = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    match header.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(body),
        "gzip" => Ok(gunzipped(body)),
        other => Err(format!(
            "error decompressing request body: unsupported Content-Encoding: {other}, supported: [gzip]"
        )),
    }
}

fn gunzipped(body: Body) -> Body {
    let unpacking = Some((body.into_data_stream(), MultiGzDecoder::new(Vec::new())));
    Body::from_stream(stream::unfold(unpacking, async |unpacking| {
        let (mut chunks, mut decoder) = unpacking?;
        Some(match chunks.next().await {
            Some(Err(error)) => (Err(io::Error::other(error)), None),
            Some(Ok(chunk)) => match decoder.write_all(&chunk) {
                Ok(()) => (Ok(unpacked(&mut decoder)), Some((chunks, decoder))),
                Err(error) => (Err(not_gzip(&error)), None),
            },
            None => match decoder.try_finish() {
                Ok(()) => (Ok(unpacked(&mut decoder)), None),
                Err(error) => (Err(not_gzip(&error)), None),
            },
        })
    }))
}

fn unpacked(decoder: &mut MultiGzDecoder<Vec<u8>>) -> Bytes {
    std::mem::take(decoder.get_mut()).into()
}

fn not_gzip(error: &io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("error decompressing request body: {error}"))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn the_encoding_most_wanted_is_taken() {
        for (asked, expected) in [
            ("", Some(Encoding::Identity)),
            ("gzip, deflate, br", Some(Encoding::Gzip)),
            ("br, zstd", Some(Encoding::Identity)),
            ("identity, gzip;q=0.5", Some(Encoding::Identity)),
            ("identity;q=0.1, GZIP;q=0.5", Some(Encoding::Gzip)),
            ("gzip;q=0", Some(Encoding::Identity)),
            ("*", Some(Encoding::Identity)),
            ("*, identity;q=0", Some(Encoding::Gzip)),
            ("identity;q=0", None),
            ("br, *;q=0", None),
        ] {
            let encoding = wanted(&headers(header::ACCEPT_ENCODING, asked), true);
            assert_eq!(encoding.ok(), expected, "{asked}");
        }
    }

    #[test]
    fn parts_of_a_file_travel_as_they_are_or_not_at_all() {
        let parts = |asked| wanted(&headers(header::ACCEPT_ENCODING, asked), false);
        assert_eq!(parts("gzip"), Ok(Encoding::Identity));
        assert!(parts("gzip, identity;q=0").is_err());
    }

    async fn upload(encoding: &str, body: Vec<u8>) -> Option<Vec<u8>> {
        let body = decoded(&headers(header::CONTENT_ENCODING, encoding), Body::from(body)).ok()?;
        to_bytes(body, usize::MAX).await.ok().map(Into::into)
    }

    #[tokio::test]
    async fn a_packed_body_is_unpacked_and_a_broken_one_is_an_error() {
        let plain = vec![7; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let packed = gzip.finish().unwrap();
        let cut = packed[..packed.len() - 9].to_vec();
        assert_eq!(upload("gzip", packed).await, Some(plain.clone()));
        assert_eq!(upload("identity", plain.clone()).await, Some(plain.clone()));
        assert_eq!(upload("gzip", cut).await, None);
        assert_eq!(upload("gzip", plain.clone()).await, None);
        assert_eq!(upload("br", plain).await, None);
    }
}
