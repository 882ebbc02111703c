//! Passwords among the words of a command: `curl -u user:password`.

use super::Find;
use super::scan::Scan;
use super::setting::is_reference;

/// Where a command takes its password.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Command {
    /// `-u user:password`, also joined.
    UserAndPassword,
    /// `-p password`.
    Separate,
    /// `-ppassword`.
    Joined,
    /// `-p password` or `-ppassword`.
    Either,
}

/// How far from its name a command is read, in bytes.
const REACH_BYTES: usize = 2 * 1024;

/// Adds the passwords of the command whose name stands at `start..end`. What one command was
/// searched for is not searched again for the next, which begins behind a separator.
pub(super) fn passwords(scan: &mut Scan<'_>, command: Command, start: usize, end: usize, finds: &mut Vec<Find>) {
    let begins_word = scan.bytes.get(end).is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    if start < scan.commands_end || !begins_word || scan.follows_word(start) {
        return;
    }
    let mut is_password_next = false;
    let limit = end + REACH_BYTES;
    let mut at = end;
    while at < limit {
        let begins = scan.skip(at, b" \t");
        let ends = begins + word_length(scan.bytes.get(begins..).unwrap_or_default(), limit.saturating_sub(begins));
        let Some(word) = scan.text.get(begins..ends).filter(|word| !word.is_empty()) else { break };
        at = ends;
        if matches!(word, "&&" | "||" | "|" | ";" | "&") {
            break;
        }
        if is_password_next {
            is_password_next = false;
            finds.extend(value(command, word, begins));
            // What follows `sshpass` is a command of its own.
            if command == Command::Either {
                break;
            }
            continue;
        }
        let flags: &[&str] = match command {
            Command::UserAndPassword => &["-u", "--user", "-U", "--proxy-user"],
            Command::Separate => &["-p"],
            Command::Joined | Command::Either => &["-p"],
        };
        is_password_next = command != Command::Joined && flags.contains(&word);
        let joined =
            if command == Command::Separate { None } else { flags.iter().find_map(|flag| word.strip_prefix(flag)) };
        let joined = joined.and_then(|rest| if word.starts_with("--") { rest.strip_prefix('=') } else { Some(rest) });
        let joined = joined.filter(|rest| !rest.is_empty());
        finds.extend(joined.and_then(|rest| value(command, rest, ends - rest.len())));
    }
    scan.commands_end = at;
}

/// The length of a word, which quotes hold together.
fn word_length(bytes: &[u8], most: usize) -> usize {
    let mut quote = None;
    let ends = bytes.iter().take(most).position(|&byte| {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        byte == b'\n' || quote.is_none() && matches!(byte, b' ' | b'\t')
    });
    ends.unwrap_or(bytes.len().min(most))
}

fn value(command: Command, word: &str, at: usize) -> Option<Find> {
    let quotes = ['"', '\''];
    let value = word.trim_start_matches(quotes);
    let at = at + word.len() - value.len();
    let value = value.trim_end_matches(quotes);
    let (value, at) = match command {
        Command::UserAndPassword => {
            let (user, password) = value.split_once(':')?;
            (password, at + user.len() + 1)
        }
        _ => (value, at),
    };
    (value.len() >= 3 && !is_reference(value)).then(|| (at..at + value.len(), "password"))
}
