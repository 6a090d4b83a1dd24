//! Key pairs of the tests alone: what signs (DER, base64), and what a provider publishes of it. They open nothing.

/// Signs RS256: PKCS#1.
pub const RSA: &str = "MIIEowIBAAKCAQEAn21mr0xShLnGkx/fQ3P+ISPXo3v+1bJarpD4c6DwLfnYCxfjgS5gF6fy8uqzmVp5ppDwfvsMsRTyFaqo\
    BjwHTskyMxwO5tG5eRpWM+Li6+O2H1tGOvJq+/WyOl96mGYVCb5w+yjgPZWmq8rh7Ms/XfUOH5d4Gh5P02oxTdME8TCQylUI\
    D1onYOIySq4wxrPdzk0MCDfZMKH3fM0l8CRGAT5JjezK4+KRMUM4uPcKvF51DB6Balzi+r1odDTQ7oFPx4UHO8CWT/OF2jVq\
    2uGph4O5BXHFcaNDLiK+/hphlTpgNQxOrdYWsVU94uqEkFlkdMD+2mjiCGGAXLKdHJ8lgwIDAQABAoIBAD3bsHZ+6humi3Zl\
    bPbaqDWKly5PO6sF12qZRFV1Egv8v4daXwMuD8nN+BWp3EK52K642R+j4CJLarzeaPB2VS2MIkazcdK8eDcVcXITbBGz2mPj\
    QeY4TityAxPkHQjJvwr3UhYZn5w1lyRcBXofyHf3z+GRH2Ae98EjmHrGUEoWfMQ6uI+KCtngxThteQxQ22rjma+aqhdXc9v7\
    n7CQTFMl0xmINfcEOwj7EgL+74pqx+1uWa29mwLCCdusxNBVM0VCslMeIAumi+gK6zkOyIsM3bBW/8MR9hxYqZrd4RG+O2+O\
    WmMhgwnCOlRVz0lnb2tSFpyW8uWKVdmunN0JgtECgYEA4M5lN6KgARhodCtoj2PCJKTp1+HpNGBgVbNr0jFn+NcH5l0NhqZe\
    3mCCVWVfgC3Qsm6SAhYhsc+HkTJalj3emFTJh9/jFkFIMqQu5wBFKIU4Uwvdyg1yLOMQ6uH+5fePZ9EC03E4VFMRbnKy24Iv\
    Lt6EV3g0HMHyhq1MCnnrERMCgYEAtYybJ3M6zCe1t+2+Rhy1rHWITngKj40ORVkX1oyqTU0lHUD6F19YGIt6c4G7SQtgcr5D\
    5RhJa3xfoTAY5OjIF0fTRqQHeEHdxb4O+qZoE6NPIYY35isjJZpMNIKjr5ukKbK9zMnMTeufzPnp2lfoG7dLFhF+rQSKLHM3\
    xhlMl9ECgYAPlH5TUsQAD279zhxbA7Dq1TsXqSJ+bMeAaQTp9l6cUlrLzlsnn9QnWUzvGi16NrKmCx+3YU1Ig3eDypeYngUV\
    TZsB/bRBUJjuWY6el9gzLLhwmPvwCuqEzd/YR31g9r1LlqK5gLlErtUgcHaQ2/7lIqrNXRlPfOmQB+ajOzvdXQKBgFIa9+Rc\
    iZ/g6Z74J1BAFa2cLfwG8AfB7E1SoKRIU5DILdvQEgrV9NqM4eExL8k2GvVptPz8AeBZjEoynV+RI0TcF+Hftv0dFLYkYVPc\
    RD91YQkxUUCIC8oqwQISfwKhahntm0btkLdAs7GY6Lj1fqRiPdQKL3cCEZdOuE+gC3KxAoGBALJnXGj1TxZL4te6KOPaMYPI\
    fFmVuLFm/MbJTIbQPPcku/d1RW0Qhet6lgKZQ9tVWohQNE0xkpePS1g10MaeWIat5lDPNrgxTK+RGFind6nWH22bGf/tkJxo\
    /Vjx46xxm4ABRbEHAuRwKtPms34YL4kO/0lGyr4toUjRTarUYRXE";

/// Its modulus; the exponent is AQAB.
pub const RSA_N: &str = "n21mr0xShLnGkx_fQ3P-ISPXo3v-1bJarpD4c6DwLfnYCxfjgS5gF6fy8uqzmVp5ppDwfvsMsRTyFaqoBjwHTskyMxwO5tG5\
    eRpWM-Li6-O2H1tGOvJq-_WyOl96mGYVCb5w-yjgPZWmq8rh7Ms_XfUOH5d4Gh5P02oxTdME8TCQylUID1onYOIySq4wxrPd\
    zk0MCDfZMKH3fM0l8CRGAT5JjezK4-KRMUM4uPcKvF51DB6Balzi-r1odDTQ7oFPx4UHO8CWT_OF2jVq2uGph4O5BXHFcaND\
    LiK-_hphlTpgNQxOrdYWsVU94uqEkFlkdMD-2mjiCGGAXLKdHJ8lgw";

/// The same public key as PEM, byte for byte as people paste it: what an attacker signs HS256 with.
pub const RSA_PEM: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn21mr0xShLnGkx/fQ3P+\n\
ISPXo3v+1bJarpD4c6DwLfnYCxfjgS5gF6fy8uqzmVp5ppDwfvsMsRTyFaqoBjwH\n\
TskyMxwO5tG5eRpWM+Li6+O2H1tGOvJq+/WyOl96mGYVCb5w+yjgPZWmq8rh7Ms/\n\
XfUOH5d4Gh5P02oxTdME8TCQylUID1onYOIySq4wxrPdzk0MCDfZMKH3fM0l8CRG\n\
AT5JjezK4+KRMUM4uPcKvF51DB6Balzi+r1odDTQ7oFPx4UHO8CWT/OF2jVq2uGp\n\
h4O5BXHFcaNDLiK+/hphlTpgNQxOrdYWsVU94uqEkFlkdMD+2mjiCGGAXLKdHJ8l\n\
gwIDAQAB\n\
-----END PUBLIC KEY-----\n";

/// Signs RS256, and is published nowhere at first.
pub const RSA2: &str = "MIIEpAIBAAKCAQEAqks5nEsQs9NPBw3t6wubC86CmOKb5cMqJDgN25AccH7fLFnE/VN5/rATvfpJvBCz/37bxZY3weRnXUQW\
    8vXbpOgFeBytU7G2GME3nsI3ud6fKy+kvIk2gsxdc3/o72ol1sExSJsvEv8UnrLDPUTsgSfpZW/yLkx6ju7+z6VNQ4Rh4f39\
    LFQWyVNXH63qIimGArl372E0LJv98lCMCoTecvdSb5Pk/hgHfqwKb5FNcyabOzf0yUiViRP7UtgQN/uurjm9qZAXpGoIz0MF\
    +gevtgziTFxTkfbUhuUbt7+8b5Dko7J+8Htm3X6GGuh6ILYBHcsIc+3E0UTi7l4M3eDU2wIDAQABAoIBABl0ojl7PRVsZllL\
    Gz/x3azfo0UARsaLLG76lBO4kI++X1TtXFVz134bSvAwjDoZExcDmw2HnXEV19+osHeECd+2MS8Ztk0W+P3tUAeix5q4rPlT\
    J2BpcGUP8H415hd3ug1GlrvgOqKvz6DDXwz3ExVhZnGb0Mtb8kwQbLWUY57OWiZWr1jGSwGmCegXwMm5j8YY6nsAIO8ry/CG\
    gffd8krGTSd+DFexP4jopoSL4l3WojSIMvTxPvZDLrL1wwXaDd21PECQ3HhsXKCAIduBjxtHHBmF9UQCQgM001Y+sWiLCEmn\
    QwpjjOVuiiLZqaeZL4hG97rHqt1QFgF+FNSBgAECgYEA2zPqJM4L3y2vSqVWIVNG70R7VQVAeXw7Rz+XDyJ/4k/S2j5wSr9z\
    usHtgLhykw9k2M+crBp+0DVz57hZrVZP0+neCEzqVVXzACQIb54rEea60br050FWtG0ecSUMTFyWe8wLTRqPsPq9xOrviAl6\
    oU9Ms7O+60sHZq/O3dlLVNsCgYEAxuF7qXMhsQ6UjRhYNKQ6mciIn3yosdKNWAcAPWjMk0cY683pUeR/crCJMRxAqZgcpQfj\
    5DB2OuFY5QUWFOoVbzBOVHvH0iKKtbQ8z+/FFPLrYhHNDhxZJqJzEdFgkeVDHNH32GiioCGquUkQcCFtcHdy0eBT6fLfDMBG\
    c1L4gAECgYAoOTyMCGtRRtbVwcUuVFO98DkZft83674M8vRLSK9i3fb5KV/9t2gLKy7j4fTUW4zL5D0Br9L5bfWY3dFG54G6\
    hz3BFCwkAKOYsQQDR2jr3gUGG2J5VRoN/cAKTxwUnyDWErk4KtmXRkuwaNQPiH3CQAT5LNCp6JixFS3Gs+sI5QKBgQCH2Grc\
    gqzHwPrNKYzOYEM62dQghEjCNdyf/SA30gayrsSiBONTMa2wTE9ZgT/V1/Xw7+PE8SlA7L4IqSG9JWuAqFFIucfyi++NT9Ce\
    A9vthEQtl5UmB00J67qHuCmrXhsqa21Mn6Q9luGDcBnPTbXwNVbzbrRCv8eFcSxuB4WAAQKBgQCBOpyc8Z3i0QBUvj4dmKZJ\
    kmM8NveS9rF734ynMbZKo7ov4aUfnyaYS1psxO4HRQ5sMaIkYGc2k0jUYtos0/p1i8omHr6xphT/1o5x5xA/+ZmpK8wuDc6z\
    jUqvjulanoK+O0Cl8TdcIeKFshoCwOlfazXGbthcVzoUtPPPRm/+PA==";

/// Its modulus; the exponent is AQAB.
pub const RSA2_N: &str = "qks5nEsQs9NPBw3t6wubC86CmOKb5cMqJDgN25AccH7fLFnE_VN5_rATvfpJvBCz_37bxZY3weRnXUQW8vXbpOgFeBytU7G2\
    GME3nsI3ud6fKy-kvIk2gsxdc3_o72ol1sExSJsvEv8UnrLDPUTsgSfpZW_yLkx6ju7-z6VNQ4Rh4f39LFQWyVNXH63qIimG\
    Arl372E0LJv98lCMCoTecvdSb5Pk_hgHfqwKb5FNcyabOzf0yUiViRP7UtgQN_uurjm9qZAXpGoIz0MF-gevtgziTFxTkfbU\
    huUbt7-8b5Dko7J-8Htm3X6GGuh6ILYBHcsIc-3E0UTi7l4M3eDU2w";

/// Signs ES256: PKCS#8.
pub const EC: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgk7pmRen08jnmXVvxrT16Xtn7hjjW4XJ8dF/PqGRqd2uhRANC\
    AAQfsGCnP9BiJtHKcdMJYG3V/oBYD/rJg+PxJcrWbho7E4P8mPY5QRTYZ/w+rrwSN5iyz4NsAOu99vyAiGCXljPe";

/// Its point.
pub const EC_X: &str = "H7Bgpz_QYibRynHTCWBt1f6AWA_6yYPj8SXK1m4aOxM";

/// Its point.
pub const EC_Y: &str = "g_yY9jlBFNhn_D6uvBI3mLLPg2wA6732_ICIYJeWM94";

/// Signs EdDSA (Ed25519): PKCS#8.
pub const ED: &str = "MC4CAQAwBQYDK2VwBCIEIJxFPk/4OwFrzYiSmrvnjYVaXyLcYUS8wpkd471RHtD3";

/// Its point.
pub const ED_X: &str = "2Nd8RRtHI2JQ9Dpw68p37ZCC1GKVmZW6HhXco1stYYM";

/// Another one.
pub const ED2: &str = "MC4CAQAwBQYDK2VwBCIEIM8Anb+tnS0eTGHib7Pj83+qI00g5cSdMsDThuYZu0Ag";

/// Its point.
pub const ED2_X: &str = "kmsmrGxT4NEHcBf9pZMHSV5G43t3hybooYYFUFuKk_A";
