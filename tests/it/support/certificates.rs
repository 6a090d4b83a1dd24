//! Certificates for servers and clients, and a cluster that speaks TLS by them.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::time::{Instant, sleep};

use super::server::{Lacking, TestCluster, connect, skip};

/// An authority that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// One that nobody knows yet.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs for these hosts, or addresses; `name` is what a client is called.
    pub fn sign(&self, name: &str, hosts: &[&str]) -> Pair {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).expect("good names");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A cluster with a certificate, and a folder for those of clients.
pub struct Encrypted {
    /// The cluster.
    pub cluster: TestCluster,
    folder: PathBuf,
}

impl Encrypted {
    /// Starts one that admits whom `hba` says; `clients` signs its clients' certificates. None, and the test counted as
    /// skipped, where Postgres was built without TLS.
    pub async fn start(pair: &Pair, clients: &Authority, hba: &str) -> Option<Self> {
        let cluster = TestCluster::start(&[]).await?;
        let admin = connect(&cluster.url("postgres")).await.expect("it answers");
        let row = admin
            .query_one("show data_directory", &[])
            .await
            .expect("it says where");
        let folder = PathBuf::from(row.get::<_, String>(0));
        let this = Self { cluster, folder };
        let set = [
            ("ssl_cert_file", this.put("server.crt", &pair.certificate)),
            ("ssl_key_file", this.put("server.key", &pair.key)),
            ("ssl_ca_file", this.put("clients.crt", clients.pem())),
        ];
        for (name, path) in set {
            let sql = format!("alter system set {name} = '{}'", path.display());
            admin.batch_execute(&sql).await.expect("a setting");
        }
        if let Err(error) = admin.batch_execute("alter system set ssl = on").await {
            let message = error.as_db_error().expect("Postgres's own words").message();
            assert!(message.contains("ssl"), "{message}");
            skip(Lacking::Tls);
            return None;
        }
        let hba_file = this.folder.join("pg_hba.conf");
        std::fs::write(&hba_file, hba).expect("it may be written");
        admin
            .batch_execute("select pg_reload_conf()")
            .await
            .expect("it reads it all again");
        this.speaks_tls().await;
        Some(this)
    }

    /// A file that the server may read, and nobody else.
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        let owner = std::fs::metadata(&self.folder).expect("the data directory");
        std::fs::write(&path, text).expect("it may be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        chown(&path, Some(owner.uid()), Some(owner.gid())).expect("it may be given away");
        path
    }

    /// A superuser's URL with parameters; `host` is another name for this machine.
    pub fn url(&self, database: &str, host: &str, parameters: &str) -> String {
        let url = self
            .cluster
            .url(database)
            .replace("@127.0.0.1:", &format!("@{host}:"));
        format!("{url}?{parameters}")
    }

    /// A reload takes a moment: until a TLS connection is there.
    async fn speaks_tls(&self) {
        let url = self.url("postgres", "127.0.0.1", "sslmode=require&connect_timeout=5");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let target = pg_presence::connect::Target::parse(&url, "test").expect("a URL");
            let why = match target.connect().await {
                Ok(_) => return,
                Err(why) => why.to_string(),
            };
            // Whoever is admitted by certificate alone is refused after the handshake.
            if !why.contains("speaks no TLS") {
                return;
            }
            assert!(Instant::now() < deadline, "{why}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Writes a file into a folder of the test's own.
pub fn file(folder: &Path, name: &str, text: &str) -> String {
    std::fs::create_dir_all(folder).expect("a temporary folder");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("it may be written");
    path.display().to_string()
}
