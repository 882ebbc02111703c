//! Private keys.

use std::ops::Range;

use super::rules::Alphabet;
use super::scan::Scan;

/// No key is longer, in bytes, with whatever stands before each line.
const KEY_BYTES_MAX: usize = 64 * 1024;
/// Shortest line of a key whose end is not there, in bytes.
const LINE_BYTES_MIN: usize = 40;

/// The body of a key between its armour lines, whatever stands at the start of each line; or what
/// looks like one, when its end was cut off.
pub(super) fn private_key(scan: &mut Scan<'_>, end: usize) -> Option<Range<usize>> {
    let header = scan.peek(&(end..scan.bytes.len())).split("-----").next()?;
    if !header.ends_with("PRIVATE KEY") && !header.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let start = end + header.len() + "-----".len();
    let armour = scan.next_key_end(start).filter(|armour| armour - start <= KEY_BYTES_MAX);
    let whole = armour.and_then(|armour| scan.text.get(start..armour));
    let length = match whole {
        // Before the armour stands what the log puts before each line.
        Some(body) if body.rsplit_once('\n').map_or(body, |(lines, _)| lines).split('\n').all(is_of_key) => {
            body.trim_end().len()
        }
        _ => cut_off(scan.text.get(start..)?),
    };
    (length > 0).then(|| start..start + length)
}

/// Whether a line can be a part of a key: its lines, its headers, its checksum, and nothing. What a
/// log or a source writes around each is left out.
fn is_of_key(line: &str) -> bool {
    let line = payload(line);
    let is_time = line.starts_with(|c: char| c.is_ascii_digit()) && !line.contains(' ');
    !line.contains("-----") && (is_base64(line) || is_time || line.contains(": "))
}

/// The length of the lines of a key without an end. The first follows the header at once.
fn cut_off(rest: &str) -> usize {
    let mut lines = rest.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if !payload(first).is_empty() {
        return 0;
    }
    let lines = lines.take_while(|line| {
        let payload = payload(line);
        payload.len() >= LINE_BYTES_MIN && is_base64(payload)
    });
    let length = lines.map(str::len).sum::<usize>();
    if length == 0 { 0 } else { rest.get(..first.len() + length).unwrap_or_default().trim_end().len() }
}

/// The last word of a line, without the quotes, commas and escapes of a source around it.
fn payload(line: &str) -> &str {
    let line = line.trim_end().trim_end_matches(['"', '\'', '`', ',', '+', ')', ';', ' ', '\\']);
    let line = line.trim_end_matches("\\n").trim_end_matches("\\r").trim_end();
    if line.contains(": ") {
        return line;
    }
    line.rsplit([' ', '\t']).next().unwrap_or(line).trim_start_matches(['"', '\'', '`', '|', '>'])
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| Alphabet::Base64.holds(byte) || byte == b'\\')
}
