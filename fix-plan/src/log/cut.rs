//! The head and the tail of what is too long.

/// How many bytes from a cut on its best place is looked for.
const REACH_BYTES: usize = 4 * 1024;

/// The text when it is short enough, or its head and tail with a mark between them: whole lines
/// where they are not too long, else whole words, else whole characters.
pub(crate) fn head_and_tail(text: &str, bytes_max: usize) -> String {
    const MARK_BYTES: usize = 64;
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    // The end of a log says more than its start: a quarter of the room for the head.
    let room = bytes_max.saturating_sub(MARK_BYTES);
    let head = head(text, room / 4);
    let tail = tail(text, room - room / 4);
    let missing = text.len() - head.len() - tail.len();
    let end = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{end}[… {missing} bytes left out …]\n{tail}")
}

/// At most so many bytes from the start.
fn head(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let head = text.get(..end).unwrap_or_default();
    let line = head.rfind('\n').map(|at| at + 1);
    let word = || head.rfind(' ').map(|at| at + 1).filter(|at| head.len() - at <= REACH_BYTES);
    head.get(..line.or_else(word).unwrap_or(head.len())).unwrap_or_default()
}

/// At most so many bytes up to the end.
fn tail(text: &str, bytes_max: usize) -> &str {
    let start = text.len().saturating_sub(bytes_max);
    let start = (start..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    let tail = text.get(start..).unwrap_or_default();
    // The last line may be all there is.
    let line = tail.find('\n').map(|at| at + 1).filter(|&at| at < tail.len());
    let word = || tail.find(' ').map(|at| at + 1).filter(|&at| at <= REACH_BYTES);
    tail.get(line.or_else(word).unwrap_or(0)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_whole() {
        let text = "one\n".repeat(100);
        let cut = head_and_tail(&text, 200);
        assert!(cut.len() <= 200, "{cut}");
        assert!(cut.lines().all(|line| line == "one" || line.starts_with("[… ")), "{cut}");
        assert_eq!(head_and_tail("short", 200), "short");
    }

    #[test]
    fn words_and_characters_are_kept_whole() {
        let cut = head_and_tail(&"word ".repeat(100), 200);
        assert!(cut.split_whitespace().filter(|word| word.starts_with('w')).all(|word| word == "word"), "{cut}");
        let cut = head_and_tail(&"é".repeat(1_000), 200);
        assert!(cut.len() <= 200 && cut.starts_with("é") && cut.ends_with("é"), "{cut}");
    }
}
