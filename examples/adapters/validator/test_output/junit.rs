//! Reports as pytest writes them, in JUnit's XML.

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::printed::seconds;
use super::{Counts, Results};

/// Reads a report; `None` when it is none. No entity is expanded but the five of XML itself.
pub(super) fn read(report: &[u8]) -> Option<Results> {
    let mut reader = Reader::from_str(std::str::from_utf8(report).ok()?);
    let (mut open, mut is_report) = (0_usize, false);
    let mut cases = Cases::default();
    loop {
        match reader.read_event().ok()? {
            // What defines entities is no report.
            Event::DocType(_) => return None,
            Event::Start(element) => {
                open += 1;
                is_report |= element.name().0 == "testsuite";
                cases.begin(&element);
            }
            Event::Empty(element) => {
                is_report |= element.name().0 == "testsuite";
                cases.begin(&element);
                cases.end(element.name().0);
            }
            Event::End(element) => {
                open = open.checked_sub(1)?;
                cases.end(element.name().0);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let Cases { counts, failing, duration, .. } = cases;
    (open == 0 && is_report).then(|| Results::new(counts, failing.into_iter(), duration))
}

#[derive(Debug, Default)]
struct Cases {
    current: Option<Case>,
    counts: Counts,
    failing: Vec<String>,
    duration: Duration,
}

#[derive(Debug)]
struct Case {
    name: String,
    ran: bool,
    failed: bool,
}

impl Cases {
    fn begin(&mut self, element: &BytesStart<'_>) {
        let attribute = |name: &str| {
            let value = element.try_get_attribute(name).ok().flatten();
            let value =
                value.and_then(|value| Some(value.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned()));
            value.unwrap_or_default()
        };
        match (element.name().0, &mut self.current) {
            ("testcase", _) => {
                let (class, name) = (attribute("classname"), attribute("name"));
                let name = if class.is_empty() { name } else { format!("{class}::{name}") };
                self.duration = self.duration.saturating_add(seconds(&attribute("time")));
                self.current = Some(Case { name, ran: true, failed: false });
            }
            // Expected to fail, and so it did: it ran.
            ("skipped", Some(case)) => case.ran &= attribute("type") == "pytest.xfail",
            ("failure", Some(case)) => case.failed = true,
            // Before it ran, or after, or there was nothing to run.
            ("error", Some(case)) => (case.ran, case.failed) = (false, true),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name != "testcase" {
            return;
        }
        if let Some(Case { name, ran, failed }) = self.current.take() {
            self.counts.run += u64::from(ran);
            self.counts.failed += u64::from(failed);
            if failed {
                self.failing.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As pytest 9 wrote it, but for longer messages.
    const REPORT: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="2" failures="1" skipped="2" tests="8" time="0.031" hostname="vm">
<testcase classname="test_x" name="test_ok" time="0.010" /><testcase classname="test_x.Case" name="test_bad[&lt;1&gt;]" time="0.002"><failure message="AssertionError: x &amp; &lt;y&gt;&#10;assert 0">&gt;   assert 0
</failure></testcase><testcase classname="test_x" name="test_xf" time="0.000"><skipped type="pytest.xfail" message="" /></testcase><testcase classname="test_x" name="test_xp" time="0.000" /><testcase classname="test_x" name="test_sk" time="0.000"><skipped type="pytest.skip" message="no">no</skipped></testcase><testcase classname="test_x" name="test_su" time="0.000"><error message="failed on setup">ValueError</error></testcase>
<testcase classname="" name="tests.test_y" time="0.000"><error message="collection failure">ImportError</error></testcase></testsuite></testsuites>"#;

    #[test]
    fn tests_are_counted_and_named() {
        let results = read(REPORT.as_bytes()).unwrap();
        assert_eq!(results.counts, Counts { run: 4, failed: 3 });
        assert_eq!(results.failing, ["test_x.Case::test_bad[<1>]", "test_x::test_su", "tests.test_y"]);
        assert_eq!(results.duration, Duration::from_millis(12));
    }

    #[test]
    fn what_is_no_report_is_not_read() {
        let bomb = "<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]><testsuite><testcase name='&c;'/></testsuite>";
        let cut = REPORT.strip_suffix("</testsuite></testsuites>").unwrap();
        for wrong in ["", "text", "<html/>", "<testsuite>", "<testsuite></testcase>", "</testsuite>", bomb, cut] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(read(b"<testsuite>\xff</testsuite>"), None);
    }

    #[test]
    fn names_are_bounded_and_inert() {
        let case = format!("<testcase name='{}&#27;[31m' time='-1'><failure/></testcase>", "n".repeat(300));
        let many = format!("<testsuite>{}</testsuite>", case.repeat(200));
        let results = read(many.as_bytes()).unwrap();
        assert_eq!(results.counts, Counts { run: 200, failed: 200 });
        assert_eq!((results.failing.len(), results.failing[0].len()), (50, 256));
        let deep = "<testsuite>".repeat(100_000) + &"</testsuite>".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).unwrap().counts, Counts::default());
    }
}
