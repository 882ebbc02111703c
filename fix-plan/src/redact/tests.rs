use super::*;

fn redact(text: &str) -> String {
    Redactor::default().redact(text).into_owned()
}

#[test]
fn values_go_and_names_stay() {
    for (text, expected) in [
        ("api_key = \"a1b2c3d4e5f6\"", "api_key = \"[redacted api_key]\""),
        ("{\\\"password\\\": \\\"p4ssw0rd!x\\\"}", "{\\\"password\\\": \\\"[redacted password]\\\"}"),
        ("https://ci:s3cr3t@host/x", "https://ci:[redacted password]@host/x"),
        ("Authorization: Basic Y2k6cE1M", "Authorization: Basic [redacted authorization]"),
        ("tool --token abc123def456 run", "tool --token [redacted token] run"),
        ("docker login -u ci -p 1EOPUjeP reg", "docker login -u ci -p [redacted password] reg"),
        // A constant has no test of its value.
        ("DB_PASSWORD=correcthorsebattery", "DB_PASSWORD=[redacted password]"),
        ("PASSWORD=supersecret x", "PASSWORD=[redacted password] x"),
        ("PASSWORD=abc12", "PASSWORD=[redacted password]"),
        ("PASSWORD=#Secret123!", "PASSWORD=[redacted password]"),
        ("PASSWORD=$ecret123456", "PASSWORD=[redacted password]"),
        ("PASSWORD=%a1b2c3d4", "PASSWORD=[redacted password]"),
        ("PASSWORD=p@ss(word)1xyz", "PASSWORD=[redacted password]"),
        ("PASSWORD=a1b2c3d4,e5f6g7h8", "PASSWORD=[redacted password]"),
        ("PASSWORD=\"correct horse 1 battery\"", "PASSWORD=\"[redacted password]\""),
        ("[\"PASSWORD=abc12\", \"X=1\"]", "[\"PASSWORD=[redacted password]\", \"X=1\"]"),
        ("\"PASSWORD=abc12\\nX=1\"", "\"PASSWORD=[redacted password]\\nX=1\""),
        ("SECRET_VALUE=abcd", "SECRET_VALUE=[redacted secret]"),
        ("password: hunter2", "password: [redacted password]"),
        ("password := hunter2", "password := [redacted password]"),
        ("passwords=hunter2", "passwords=[redacted password]"),
        ("password = 'correcthorse'", "password = '[redacted password]'"),
        ("<password>hunter</password>", "<password>[redacted password]</password>"),
        ("machine h login u password x1y", "machine h login u password [redacted password]"),
        ("machine h\n  login u\n  password hunter\n", "machine h\n  login u\n  password [redacted password]\n"),
        ("{\"Authorization\": \"Basic Y2k6cE1M\"}", "{\"Authorization\": \"Basic [redacted authorization]\"}"),
        ("{'Authorization': 'token abc123'}", "{'Authorization': 'token [redacted authorization]'}"),
        ("Authorization : Bearer a1b2c3", "Authorization : Bearer [redacted authorization]"),
        ("Cookie: a=b1; session=xyz", "Cookie: a=[redacted cookie]; session=[redacted cookie]"),
        ("Set-Cookie: session=xyz; Path=/; HttpOnly", "Set-Cookie: session=[redacted cookie]; Path=/; HttpOnly"),
        ("+ curl -sSf -u ci:hunter https://h", "+ curl -sSf -u ci:[redacted password] https://h"),
        (
            "curl -H 'X-Api-Key: a1b2c3d4e5' --user='u:p w'",
            "curl -H 'X-Api-Key: [redacted api-key]' --user='u:[redacted password]'",
        ),
        ("mysql -h db -u root -phunter app", "mysql -h db -u root -p[redacted password] app"),
        ("sshpass -p hunter ssh -p 2222 h", "sshpass -p [redacted password] ssh -p 2222 h"),
        ("{\"auths\": {\"h\": {\"auth\": \"Y2k6cE1M\"}}}", "{\"auths\": {\"h\": {\"auth\": \"[redacted auth]\"}}}"),
    ] {
        assert_eq!(redact(text), expected);
        assert_eq!(redact(expected), expected, "once and for all");
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "password=***",
        "PASSWORD=$PASSWORD",
        "PASSWORD=$password",
        "PASSWORD=%PASSWORD%",
        "PASSWORD=${{ secrets.PASSWORD }}",
        "PWD=/home/runner/work",
        "MAX_TOKENS=4096",
        "SECRET_FILE=/run/secrets/x1",
        "token: ${{ secrets.TOKEN }}",
        "password = os.environ[\"X\"]",
        "def login(user, password=None, token=token):",
        "def f(token: Optional1): pass",
        "signature=test_that_signature_is_ok1",
        "secret: v1.2.3-rc1",
        "tests/test_a.py::test_x[token=abc12345] PASSED",
        "tests/test_password_reset.py::test_reset PASSED",
        "the token: expected an identifier",
        "unexpected token: 'identifier'",
        "{\"password\": \"This field may not be blank.\"}",
        "authorization: required",
        "Basic authorization: disabled",
        "cookie: none",
        "https://example.org/a:b@c",
        "git@github.com:o/r.git",
        "sha256:27a4b320db93753a9aaf4554181d1d7dfb254b23b1f0a27f7ea01813467285ef",
        "sk-test-placeholder",
        "SKIPPED [1] tests/test_a.py",
        "curl -u \"$USER:$PASSWORD\" https://h",
        "mysql -u root -p app",
        "invalid login password for x",
        "machine learning token embeddings",
        "expected <token> but got <eof>",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn keys_go_as_far_as_they_reach() {
    let line = "MIIEowIBAAKCAQEAuQ2Jm1xkVnXk8rY5vT0Zq7Wb3sLd";
    let begin = "-----BEGIN RSA PRIVATE KEY-----";
    let end = "-----END RSA PRIVATE KEY-----";
    for (text, expected) in [
        (format!("x {begin}\nMIIEow\nQUJD\n{end} y"), format!("x {begin}[redacted private key]\n{end} y")),
        (
            format!("{begin}\nProc-Type: 4,ENCRYPTED\n\n{line}\n{end}\n"),
            format!("{begin}[redacted private key]\n{end}\n"),
        ),
        (
            format!("12:00:01 {begin}\n12:00:01 {line}\n12:00:01 QUJD\n12:00:01 {end}\n"),
            format!("12:00:01 {begin}[redacted private key] {end}\n"),
        ),
        (
            format!("KEY = (\"{begin}\\n\"\n    \"{line}\\n\"\n    \"{end}\")"),
            format!("KEY = (\"{begin}[redacted private key]{end}\")"),
        ),
        (format!("{begin}\\n{line}\\nQUJD\\n{end}"), format!("{begin}[redacted private key]{end}")),
        (format!("{begin}\n{begin}\n{line}\n{end}"), format!("{begin}\n{begin}[redacted private key]\n{end}")),
        // Cut off: nothing but long lines of a key goes.
        (
            format!("{begin}\n{line}\n{line}\nE   next line\n"),
            format!("{begin}[redacted private key]\nE   next line\n"),
        ),
        (
            format!("expected {begin}, got nothing\nFAILED\n{line}\n"),
            format!("expected {begin}, got nothing\nFAILED\n{line}\n"),
        ),
        (format!("{begin}\nshort\nE   kept\n"), format!("{begin}\nshort\nE   kept\n")),
    ] {
        assert_eq!(redact(&text), expected);
    }
}

#[test]
fn escape_sequences_do_not_hide_a_secret() {
    for (text, expected) in [
        (
            "\x1b[31mpass\x1b[0mword=\x1b[1mhunter2\x1b[0m x",
            "\x1b[31mpass\x1b[0mword=\x1b[1m[redacted password]\x1b[0m x",
        ),
        ("ghp_0123456789\x1b[0mabcdefghijABCDEFGHIJ012345\x1b[0m", "[redacted github token]\x1b[0m"),
        ("\x1b[1mno secret\x1b[0m", "\x1b[1mno secret\x1b[0m"),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn redacting_twice_changes_nothing() {
    for text in ["PASSWORD=abc123def", "Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "https://a:bcd1@h"] {
        let once = redact(text);
        assert_eq!(redact(&once), once);
    }
}

/// Once recognised, all of it goes, however long it is.
#[test]
fn long_secrets_go_whole() {
    let long = "a1B2".repeat(5_000);
    for text in [
        format!("PASSWORD={long}"),
        format!("ghp_{long}"),
        format!("https://u:{long}@h/"),
        format!("password: '{long}'"),
    ] {
        assert!(!redact(&text).contains("a1B2"), "{}", redact(&text).len());
    }
}

/// Beginnings without a secret behind them, as many as there is room for: where each cost a look at
/// the rest of the text, this would not end.
#[test]
fn many_beginnings_cost_no_more_than_few() {
    for piece in [
        "eyJ",
        "eyJ.",
        "pwd=a1b2c3d4***",
        "pwd='",
        "://a",
        "cookie:",
        "cookie:a=;",
        "authorization:",
        "bearer ",
        "curl ",
        "curl -u a ",
        "docker login",
        "sshpass -p ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nabc\n",
        "<password>",
        "login a password ",
        "1234567:AA",
        "\"auth\":\"",
        "\x1b",
        "\x1b[",
        "\x1b]a",
        "ghp_",
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        assert!(!redact(&text).is_empty(), "{piece:?}");
    }
}

#[test]
fn our_own_secrets_go_in_every_spelling() {
    let redactor = Redactor::new(["p@ss wörd/1<'x'>", "ab"]);
    for text in [
        "x p@ss wörd/1<'x'> y",
        "x p%40ss%20w%C3%B6rd%2F1%3C%27x%27%3E y",
        "x p%40ss+w%c3%b6rd/1%3c%27x%27%3e y",
        "x p@ss wörd\\/1<'x'> y",
        "x p@ss w\\u00f6rd/1\\u003c'x'\\u003e y",
        "x p@ss wörd/1&lt;&#39;x&#39;&gt; y",
        "x p@ss wörd/1<'\\''x'\\''> y",
        "x 7040737320 y".replace("7040737320", "704073732077c3b672642f313c2778273e").as_str(),
    ] {
        assert_eq!(redactor.redact(text), "x [redacted secret] y");
    }
    assert_eq!(redactor.redact("abc"), "abc", "too short to be told from a word");
}

#[test]
fn our_own_secrets_go_in_base64() {
    use base64::Engine as _;
    let redactor = Redactor::new(["s3cret-of-ours"]);
    for before in ["", "u:", "ci", "abc:"] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{before}s3cret-of-ours, and more"));
        assert!(redactor.redact(&encoded).contains("[redacted secret]"), "{before}: {encoded}");
    }
}

#[test]
fn our_own_secrets_may_overlap_and_have_lines() {
    let redactor = Redactor::new(["abcdef123", "123ghijkl", "first line of it\n}\nlast line of it"]);
    assert_eq!(redactor.redact("<abcdef123ghijkl>"), "<[redacted secret]>");
    assert_eq!(redactor.redact("> last line of it\n}\n"), "> [redacted secret]\n}\n", "a short line says nothing");
    let shown = format!("{redactor:?}");
    assert!(shown.contains('3') && !shown.contains("abcdef"), "{shown}");
}
