use super::{
    options::{Error, read},
    tls::{Mode, Roots},
    *,
};

/// Without the variables of whoever runs the tests.
fn parsed(text: &str, environment: &[(&str, &str)]) -> Result<(tokio_postgres::Config, Wish), Error> {
    read(text, |variable| {
        let found = environment.iter().find(|(name, _)| *name == variable);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn wish(parameters: &str) -> Result<Wish, Error> {
    parsed(&format!("postgres://app:hunter2@db/app{parameters}"), &[]).map(|(_, wish)| wish)
}

#[test]
fn each_word_of_sslmode_is_known_and_prefer_is_what_holds_without_one() {
    for (parameters, mode) in [
        ("", Mode::Prefer),
        ("?sslmode=disable", Mode::Disable),
        ("?sslmode=allow", Mode::Allow),
        ("?sslmode=prefer", Mode::Prefer),
        ("?sslmode=require", Mode::Require),
        ("?sslmode=verify-ca&sslrootcert=/ca.pem", Mode::VerifyCa),
        ("?sslrootcert=/ca.pem&sslmode=verify-full", Mode::VerifyFull),
        ("?sslrootcert=system", Mode::VerifyFull),
    ] {
        assert_eq!(wish(parameters).map(|wish| wish.mode), Ok(mode), "{parameters}");
    }
    let encoded = wish("?sslmode=verify-ca&sslrootcert=%2Fetc%2Four%20ca.pem").expect("it is good");
    assert_eq!(encoded.roots, Roots::File("/etc/our ca.pem".into()));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_connected() {
    for (parameters, error) in [
        ("?sslmode=verify-ca", Error::NoRoots("verify-ca")),
        ("?sslmode=verify-full", Error::NoRoots("verify-full")),
        ("?sslmode=require&sslrootcert=system", Error::WeakSystem),
        ("?sslnegotiation=direct", Error::WeakDirect),
        ("?sslcert=/a.pem", Error::NoKey),
        ("?target_session_attrs=standby", Error::Standby),
        ("?schema=public", Error::Unknown("schema")),
        ("?sslmode=on", mode_error()),
        ("?hunter2=1", Error::Malformed),
    ] {
        let refusal = wish(parameters).expect_err(parameters);

        assert_eq!(refusal, error, "{parameters}");
        assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
    }
    assert_eq!(parsed("postgres:///app", &[]).map(|_| ()), Err(Error::NoHost));
    assert_eq!(parsed("host='a", &[]).map(|_| ()), Err(Error::Malformed));
}

fn mode_error() -> Error {
    Error::Value {
        parameter: "sslmode",
        allowed: "disable, allow, prefer, require, verify-ca, verify-full",
    }
}

#[test]
fn the_environment_of_libpq_says_what_the_url_does_not() {
    let environment = [
        ("PGSSLMODE", "verify-ca"),
        ("PGSSLROOTCERT", "/ca.pem"),
        ("PGSSLCERT", "/me.pem"),
        ("PGSSLKEY", "/me.key"),
        ("PGSSLMINPROTOCOLVERSION", "TLSv1.3"),
        ("PGPASSWORD", "of the environment"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGTARGETSESSIONATTRS", ""),
    ];

    let (config, wish) = parsed("postgres://app@db/app", &environment).expect("it is good");
    let (own, other) = parsed("postgres://app:own@db/app?sslmode=disable", &environment).expect("it is good");

    assert_eq!(wish.mode, Mode::VerifyCa);
    assert_eq!(wish.roots, Roots::File("/ca.pem".into()));
    assert_eq!(wish.identity, Some(("/me.pem".into(), "/me.key".into())));
    assert!(wish.is_1_3_only);
    assert_eq!(config.get_password(), Some(&b"of the environment"[..]));
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(7)));
    assert_eq!(other.mode, Mode::Disable);
    assert_eq!(own.get_password(), Some(&b"own"[..]));
}

#[test]
fn a_password_may_hold_whatever_a_url_can_and_key_value_is_read_too() {
    let (config, wish) = parsed(
        "postgres://app:a?b%26c@db/app?sslmode=require&options=-cjit%3Doff",
        &[],
    )
    .expect("a URL");
    let (words, word_wish) = parsed(
        r"host=db user=app password='it\'s = a \\ secret' sslmode = 'require' dbname=app",
        &[],
    )
    .expect("words");

    assert_eq!(config.get_password(), Some(&b"a?b&c"[..]));
    assert_eq!(config.get_options(), Some("-cjit=off"));
    assert_eq!(words.get_password(), Some(&br"it's = a \ secret"[..]));
    assert_eq!((words.get_user(), words.get_dbname()), (Some("app"), Some("app")));
    assert_eq!((wish.mode, word_wish.mode), (Mode::Require, Mode::Require));
}

#[test]
fn several_hosts_are_tried_one_by_one_for_the_one_that_takes_writes() {
    let target = Target::parse_with("postgres://app@a:1,b:2/app", "test", |_| None).expect("it is good");

    let ports: Vec<_> = target.hosts.iter().map(|host| host.get_ports()[0]).collect();

    assert_eq!(ports, [1, 2]);
    assert_eq!(
        target.hosts.iter().map(|host| host.get_hosts().len()).max(),
        Some(1)
    );
    for host in &target.hosts {
        assert_eq!(
            host.get_target_session_attrs(),
            tokio_postgres::config::TargetSessionAttrs::ReadWrite
        );
    }
    assert_eq!(target.patience(), HOST_MAX * 2);
    let uneven = Target::parse_with("postgres://app@a:1,b:2,c:3/app?port=4,5", "test", |_| None);
    assert!(uneven.is_err());
}

#[test]
fn a_target_shows_no_password() {
    let target = Target::parse_with("postgres://app:hunter2@db/app", "test", |_| None).expect("it is good");

    assert!(!format!("{target:?}").contains("hunter2"));
}
