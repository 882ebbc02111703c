//! What an error of PostgreSQL means for a pipeline.

use fix_pipeline::AdapterErrorKind;

/// Whether an error passes by itself, means damage, or stays.
///
/// The codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn kind_of(error: &sqlx::Error) -> AdapterErrorKind {
    match error {
        sqlx::Error::Database(error) => error.code().map_or(AdapterErrorKind::Refused, |code| kind_of_code(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => AdapterErrorKind::Unavailable,
        _ => AdapterErrorKind::Refused,
    }
}

fn kind_of_code(code: &str) -> AdapterErrorKind {
    match code {
        // One row is wanted by two, and this one comes second.
        UNIQUE_VIOLATION => AdapterErrorKind::Conflict,
        DATA_CORRUPTED | INDEX_CORRUPTED => AdapterErrorKind::Damaged,
        code if TRANSIENT.iter().any(|start| code.starts_with(start)) => AdapterErrorKind::Unavailable,
        _ => AdapterErrorKind::Refused,
    }
}

const UNIQUE_VIOLATION: &str = "23505";
const DATA_CORRUPTED: &str = "XX001";
const INDEX_CORRUPTED: &str = "XX002";
/// Classes and codes: connections, a server that is read-only for now, transactions that were rolled back,
/// resources, locks, an operator's hand, the system below.
const TRANSIENT: [&str; 8] = ["08", "25006", "40", "53", "55006", "55P03", "57", "58"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_passes() {
        for code in ["08006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "57P03", "57014", "25006"] {
            assert_eq!(kind_of_code(code), AdapterErrorKind::Unavailable, "{code}");
        }
        for code in ["42P01", "42501", "28P01", "3D000", "23503", "22P02"] {
            assert_eq!(kind_of_code(code), AdapterErrorKind::Refused, "{code}");
        }
        assert_eq!(kind_of_code("XX001"), AdapterErrorKind::Damaged);
        assert_eq!(kind_of_code("23505"), AdapterErrorKind::Conflict);
    }
}
