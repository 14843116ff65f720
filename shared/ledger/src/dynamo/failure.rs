//! What the SDK's errors mean: to be tried again, or to be told.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::LedgerError;

/// Codes with which DynamoDB asks for another try.
const PASSING: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
    "LimitExceededException",
];

/// Whether the same request may succeed later. A request without an answer may also have been carried out.
pub fn may_pass<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => {
            service.err().code().is_some_and(|code| PASSING.contains(&code))
                || service.raw().status().is_server_error()
        }
        _ => false,
    }
}

/// The error in words for a log: no request, no address, no key.
pub fn ledger_error<E: ProvideErrorMetadata>(doing: &str, error: &SdkError<E>) -> LedgerError {
    match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            let message = service.err().message().unwrap_or_default();
            LedgerError::Engine(format!("{doing}: {code} {message}"))
        }
        SdkError::TimeoutError(_) => LedgerError::at(doing, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            LedgerError::at(doing, failure.as_connector_error().map_or("not sent", |_| "not reached"))
        }
        SdkError::ResponseError(_) => LedgerError::at(doing, "an answer that is none"),
        _ => LedgerError::at(doing, "the request could not be made"),
    }
}
