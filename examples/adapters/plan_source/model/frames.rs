//! Cuts a byte stream into events, and holds no more than one of them.

/// Longest event, in bytes: a whole answer in one, with every character escaped, fits.
const EVENT_BYTES_MAX: usize = 2 << 20;
/// Most that is read for one answer, in bytes: what stands around each token is some hundred times the token.
const STREAM_BYTES_MAX: usize = 16 << 20;

/// How a server puts events into a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// Server-sent events: `data:` lines, then an empty one.
    ServerSentEvents,
    /// One JSON object a line.
    JsonLines,
}

impl Framing {
    /// The media type that says so.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::ServerSentEvents => "text/event-stream",
            Self::JsonLines => "application/x-ndjson",
        }
    }
}

/// The events of one body, fed with its bytes as they come.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    buffer: Vec<u8>,
    /// Here begins what was not handed out yet.
    begin: usize,
    /// Up to here, the buffer was searched for the end of a line.
    searched: usize,
    /// The `data:` lines of the event that is coming in.
    data: Option<String>,
    received: usize,
}

/// An event, or a sign of life.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Frame {
    Data(String),
    Comment,
}

/// Why a body can't be cut into events.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("an event is longer than {EVENT_BYTES_MAX} bytes")]
    EventTooLong,
    #[error("the body is longer than {STREAM_BYTES_MAX} bytes")]
    BodyTooLong,
    #[error("the body is not UTF-8")]
    NotUtf8,
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, buffer: Vec::new(), begin: 0, searched: 0, data: None, received: 0 }
    }

    /// Takes bytes of the body. Take the events out before you give more.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > STREAM_BYTES_MAX {
            return Err(FrameError::BodyTooLong);
        }
        self.buffer.drain(..self.begin);
        (self.begin, self.searched) = (0, self.searched - self.begin);
        let held = self.buffer.len() + self.data.as_ref().map_or(0, String::len);
        if held.saturating_add(bytes.len()) > EVENT_BYTES_MAX {
            return Err(FrameError::EventTooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some(line) = self.line()? {
            let frame = match self.framing {
                Framing::JsonLines if line.trim().is_empty() => None,
                Framing::JsonLines => Some(Frame::Data(line)),
                Framing::ServerSentEvents => self.field(&line),
            };
            if frame.is_some() {
                return Ok(frame);
            }
        }
        Ok(None)
    }

    /// A line of server-sent events. Other fields than `data` say nothing that the data does not say.
    fn field(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            return self.data.take().map(Frame::Data);
        }
        if line.starts_with(':') {
            return Some(Frame::Comment);
        }
        let value = match line.strip_prefix("data") {
            Some("") => "",
            Some(rest) => rest.strip_prefix(':')?,
            None => return None,
        };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        None
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Result<Option<String>, FrameError> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let end = self.searched + at;
        let line = self.buffer.get(self.begin..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line).map_err(|_| FrameError::NotUtf8)?.to_owned();
        (self.begin, self.searched) = (end + 1, end + 1);
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framing: Framing, body: &[u8], chunk: usize) -> Vec<Frame> {
        let mut frames = Frames::new(framing);
        let mut found = Vec::new();
        for bytes in body.chunks(chunk) {
            frames.push(bytes).unwrap();
            while let Some(frame) = frames.next().unwrap() {
                found.push(frame);
            }
        }
        found
    }

    fn data(text: &str) -> Frame {
        Frame::Data(text.to_owned())
    }

    #[test]
    fn events_come_out_the_same_however_the_bytes_come_in() {
        let body = ": hi\r\n\r\nevent: x\r\ndata: {\"é\":\r\ndata:1}\r\n\r\nid: 7\ndata\n\ndata: [DONE]\n\ndata: cut"
            .as_bytes();
        let expected = [Frame::Comment, data("{\"é\":\n1}"), data(""), data("[DONE]")];
        for chunk in 1..=body.len() {
            assert_eq!(all(Framing::ServerSentEvents, body, chunk), expected, "{chunk}");
        }
        let lines = "{\"a\":1}\n\r\n{\"b\":2}\r\n{\"cut\"".as_bytes();
        for chunk in 1..=lines.len() {
            assert_eq!(all(Framing::JsonLines, lines, chunk), [data("{\"a\":1}"), data("{\"b\":2}")], "{chunk}");
        }
    }

    #[test]
    fn nothing_grows_without_a_bound() {
        let flood = [b'x'; 64 * 1024];
        let mut frames = Frames::new(Framing::JsonLines);
        let refused = (0..1000).find_map(|_| frames.push(&flood).and_then(|()| frames.next()).err());
        assert_eq!(refused, Some(FrameError::EventTooLong));

        // Lines of one event that never ends.
        let mut frames = Frames::new(Framing::ServerSentEvents);
        let line = [b"data: ".as_slice(), &flood, b"\n"].concat();
        let refused = (0..1000).find_map(|_| frames.push(&line).and_then(|()| frames.next()).err());
        assert_eq!(refused, Some(FrameError::EventTooLong));

        // Events without an end.
        let mut frames = Frames::new(Framing::ServerSentEvents);
        let refused = (0..100_000_000)
            .find_map(|_| frames.push(b"data: {\"choices\":[]}\n\n").and_then(|()| frames.next()).err());
        assert_eq!(refused, Some(FrameError::BodyTooLong));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let mut frames = Frames::new(Framing::JsonLines);
        frames.push(b"\xff\xfe\n").unwrap();
        assert_eq!(frames.next(), Err(FrameError::NotUtf8));
    }
}
