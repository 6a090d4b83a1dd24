//! The composition root: pool, channels, tasks, router, and the order in which they end. No rule of presence is here.
//!
//! # Failure
//! A task that ends early ends the process, loudly: a node without a reaper or a listener would lie.
//! On a stop: not ready at once, streams say `bye`, requests that are under way are answered, then the tasks end.
//! Nobody leaves because a node does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, jwks::KeysTask},
    config::Settings,
    connect::Target,
    db::{Db, Installed},
    doctor::{notify, pooler},
    evictor::Evictor,
    health::Health,
    heartbeat::{Batcher, BatcherTask, Beats, Leaves},
    http::{self, Edge, Means, Page, Rates},
    hub::{bell::Bell, notices::Notices},
    known::Known,
    leases::{LeaseKeeper, Leases},
    listener::Listener,
    notifier::{Notifier, Portion},
    observe::{Observer, Spans},
    operator::{Desk, RollCall, Vitals},
    reaper::Reaper,
    relay::{Relay, RelayHandle},
    webhooks::Sender,
};

/// How long requests that are under way at a stop are waited for.
const DRAIN_MAX: Duration = Duration::from_secs(8);

/// A node that is connected and configured, but serves nobody yet.
pub struct App {
    edge: Edge,
    /// Where operators ask.
    admin: Option<TcpListener>,
    settings: Settings,
    page: Page,
    beats: BatcherTask<Beats>,
    leaves: BatcherTask<Leaves>,
    listener: Listener,
    relay: Relay,
    keeper: LeaseKeeper,
    reaper: Reaper,
    evictor: Evictor,
    notifier: Notifier,
    sender: Sender,
    roll: RollCall,
    keys: Option<KeysTask>,
}

impl App {
    /// Connects, writes the settings that were explicitly given, adopts the rest, and puts the parts together.
    pub async fn start(settings: Settings, page: Page, shutdown: CancellationToken) -> Result<Self> {
        probes(&settings, page).await?;
        let (db, installed) = connect(&settings).await?;
        let admin = admin_listener(&settings).await?;
        let ids = installed.settings.ids;
        let node: Arc<str> = uuid::Uuid::new_v4().simple().to_string()[..8].into();
        let observer = observer(&settings, &node)?;
        let (health, bell) = (Health::default(), Arc::new(Bell::default()));
        let (publish, installed) = watch::channel(installed);
        let (known, notices) = (Known::default(), Notices::default());
        let (beats, beats_task) = Batcher::new(db.clone(), known.clone(), observer.clone());
        let (leaves, leaves_task) = Batcher::new(db.clone(), known.clone(), observer.clone());
        let (relay, relay_task) = Relay::new(
            db.clone(),
            bell.clone(),
            known.clone(),
            notices.clone(),
            publish,
            settings.sweep,
            settings.merge,
            settings.room_detail_max,
            health.clone(),
            observer.clone(),
        );
        let listener = listener(&settings, bell, &health, &observer);
        let (wake, leases) = (Arc::new(Notify::new()), Leases::new(known, settings.grace));
        let keeper = keeper(&settings, &leases, &db, &installed, &wake, &relay);
        let reaper = reaper(&settings, &db, wake, &health, &observer);
        let (evictor, sender) = (evictor(&db, &observer), sender(&settings, &db, &observer));
        let notifier = notifier(&settings, &db, &notices, &observer).await?;
        let (roll, desk) = for_operators(&settings, &db, &health, &leases, &observer, &node);
        let (auth, keys) = Auth::start(&settings, ids, &health, &observer).await?;
        let edge = Edge::new(Means {
            auth: Arc::new(auth),
            db,
            rates: Arc::new(Rates::new(settings.rate_per_s, settings.rate_burst)),
            beats,
            leaves,
            relay,
            notices,
            leases,
            silence_max: settings.silence_max,
            installed,
            ids,
            ping: settings.ping,
            health,
            observer,
            desk,
            seats: Arc::default(),
            node,
            shutdown,
        });
        Ok(Self {
            edge,
            admin,
            settings,
            page,
            beats: beats_task,
            leaves: leaves_task,
            listener,
            relay: relay_task,
            keeper,
            reaper,
            evictor,
            notifier,
            sender,
            roll,
            keys,
        })
    }

    /// Serves operators on this listener, where no address was set for them.
    pub fn with_admin(mut self, listener: TcpListener) -> Self {
        self.admin.get_or_insert(listener);
        self
    }

    /// Where operators ask.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|admin| admin.local_addr().ok())
    }

    /// What happens in this node.
    pub fn observer(&self) -> &Observer {
        &self.edge.observer
    }

    /// Serves until the token that it was started with is cancelled, or until a task fails.
    pub async fn serve(self, listener: TcpListener) -> Result<()> {
        let shutdown = self.edge.shutdown.clone();
        let router = http::router(self.edge.clone(), &self.settings, self.page);
        // Tasks outlive the requests that need them.
        let tasks_end = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(self.beats.run(tasks_end.clone()));
        tasks.spawn(self.leaves.run(tasks_end.clone()));
        tasks.spawn(self.listener.run(tasks_end.clone()));
        tasks.spawn(self.relay.run(tasks_end.clone()));
        tasks.spawn(self.keeper.run(tasks_end.clone()));
        tasks.spawn(self.reaper.run(tasks_end.clone()));
        tasks.spawn(self.evictor.run(tasks_end.clone()));
        tasks.spawn(self.notifier.run(tasks_end.clone()));
        tasks.spawn(self.sender.run(tasks_end.clone()));
        tasks.spawn(self.roll.run(tasks_end.clone()));
        if let Some(keys) = self.keys {
            tasks.spawn(keys.run(tasks_end.clone()));
        }
        if let Some(admin) = self.admin {
            let is_local = admin.local_addr().is_ok_and(|address| address.ip().is_loopback());
            let hands_tokens = self.page == Page::Dev && is_local;
            let router = http::admin_router(self.edge.clone(), &self.settings, hands_tokens);
            tasks.spawn(http::server::serve(admin, router, tasks_end.clone(), DRAIN_MAX));
        }

        let server = http::server::serve(listener, router, shutdown.clone(), DRAIN_MAX);
        tokio::pin!(server);
        let served = tokio::select! {
            served = &mut server => served,
            () = async { shutdown.cancelled().await; self.edge.health.set_draining(); } => server.await,
            ended = tasks.join_next() => match ended {
                Some(Ok(Err(error))) => Err(error.context("a background task failed")),
                Some(Err(error)) => Err(error).context("a background task panicked"),
                _ => Err(anyhow::anyhow!("a background task ended early")),
            },
        };
        tasks_end.cancel();
        while tasks.join_next().await.is_some() {}
        self.edge.observer.spans().end().await;
        served
    }
}

/// With spans, where a collector was named.
fn observer(settings: &Settings, node: &str) -> Result<Observer> {
    let Some(endpoint) = &settings.otlp else {
        return Ok(Observer::default());
    };
    let spans = Spans::to(endpoint, node).map_err(anyhow::Error::msg);
    let spans = spans.context("sending spans (--otlp-endpoint, PRESENCE_OTLP_ENDPOINT)")?;
    Ok(Observer::with_spans(spans))
}

/// What tells of this node, and where operators look.
fn for_operators(
    settings: &Settings,
    db: &Db,
    health: &Health,
    leases: &Leases,
    observer: &Observer,
    node: &Arc<str>,
) -> (RollCall, Arc<Desk>) {
    let vitals = Vitals::new(db, health, leases, observer, node);
    let listen_url = settings.listen_database_url.as_deref();
    let desk = Desk::new(db, &vitals, &settings.database_url, listen_url);
    let db = db.clone();
    (RollCall { db, vitals }, Arc::new(desk))
}

/// Ends what ran out.
fn reaper(settings: &Settings, db: &Db, wake: Arc<Notify>, health: &Health, observer: &Observer) -> Reaper {
    Reaper {
        db: db.clone(),
        interval: settings.reap,
        wake,
        health: health.clone(),
        observer: observer.clone(),
    }
}

/// Ends what the application's own tables no longer allow.
fn evictor(db: &Db, observer: &Observer) -> Evictor {
    Evictor {
        db: db.clone(),
        observer: observer.clone(),
    }
}

/// Tells those who watch.
async fn notifier(settings: &Settings, db: &Db, notices: &Notices, observer: &Observer) -> Result<Notifier> {
    let seen = db.last_notification().await;
    Ok(Notifier {
        db: db.clone(),
        notices: notices.clone(),
        grace: settings.grace,
        seen: seen.context("reading the last notification")?,
        portion: Portion::default(),
        is_lost: false,
        observer: observer.clone(),
    })
}

/// Sends webhooks.
fn sender(settings: &Settings, db: &Db, observer: &Observer) -> Sender {
    Sender {
        db: db.clone(),
        networks: settings.webhook_networks.clone(),
        call_max: settings.webhook_timeout,
        observer: observer.clone(),
    }
}

async fn admin_listener(settings: &Settings) -> Result<Option<TcpListener>> {
    let Some(bind) = settings.admin_bind else {
        return Ok(None);
    };
    let listener = TcpListener::bind(bind).await;
    let listener =
        listener.with_context(|| format!("cannot listen on {bind} (--admin-bind, PRESENCE_ADMIN_BIND)"))?;
    tracing::info!(address = %listener.local_addr()?, "serving operators");
    Ok(Some(listener))
}

/// Renews what streams hold.
fn keeper(
    settings: &Settings,
    leases: &Leases,
    db: &Db,
    installed: &watch::Receiver<Installed>,
    wake_reaper: &Arc<Notify>,
    relay: &RelayHandle,
) -> LeaseKeeper {
    LeaseKeeper {
        leases: leases.clone(),
        db: db.clone(),
        installed: installed.clone(),
        silence_max: settings.silence_max,
        wake_reaper: wake_reaper.clone(),
        relay: relay.clone(),
    }
}

/// On the pool's database, but by a way of its own where one was given.
fn listener(settings: &Settings, bell: Arc<Bell>, health: &Health, observer: &Observer) -> Listener {
    let own = settings.listen_database_url.clone();
    Listener {
        url: own.unwrap_or_else(|| settings.database_url.clone()),
        canary: settings.canary,
        bell,
        health: health.clone(),
        observer: observer.clone(),
    }
}

/// What would end in riddles is said before anything begins.
async fn probes(settings: &Settings, page: Page) -> Result<()> {
    probe(&settings.database_url, page).await?;
    probe_listening(settings).await?;
    probe_pooling(settings).await
}

/// One look at the database in the driver's own words: a pool tells callers that it is away, and operators need to know
/// why.
async fn probe(url: &str, page: Page) -> Result<()> {
    let target = Target::parse(url, "pg-presence").context("DATABASE_URL")?;
    let connecting = target.within(Duration::from_secs(10)).client().await;
    let (client, driver) = connecting.context("connecting to the database (DATABASE_URL)")?;
    let look = "select current_setting('is_superuser') = 'on',
                       (select has_function_privilege(p.oid, 'execute') and has_schema_privilege(p.pronamespace, 'usage')
                          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                         where n.nspname = 'presence' and p.proname = 'node_settings'),
                       session_user::text";
    // Unnamed, since a pooler may mix up statements that have a name.
    let rows = client
        .query_typed(look, &[])
        .await
        .context("looking at the database")?;
    driver.abort();
    let row = rows.first().context("looking at the database")?;
    match row.get::<_, Option<bool>>(1) {
        None => bail!(
            "this database has no pg-presence: run `pg-presence migrate` first, with --id-type uuid or \
                      bigint where the keys of your tables are such"
        ),
        Some(false) => bail!(
            "the login {login} may not execute the API: let an administrator run `grant presence_service to {login}`",
            login = row.get::<_, String>(2)
        ),
        Some(true) => {}
    }
    if page == Page::Off && row.get::<_, bool>(0) {
        tracing::warn!(
            "this login is a superuser; a member of presence_service is enough, and can do less harm"
        );
    }
    Ok(())
}

/// Refuses a way on which LISTEN is lost without a word, as through a pooler in transaction mode. Any other trouble on the
/// way heals, and the listener waits for that.
async fn probe_listening(settings: &Settings) -> Result<()> {
    let way = settings.listen_database_url.as_ref();
    match notify::round_trip(&settings.database_url, way.unwrap_or(&settings.database_url)).await {
        Ok(None) if way.is_none() => bail!(
            "a NOTIFY is not heard through DATABASE_URL, as behind PgBouncer in transaction mode: \
             give the listener a direct way to the same database with PRESENCE_LISTEN_DATABASE_URL"
        ),
        Ok(None) => bail!(
            "a NOTIFY is not heard through PRESENCE_LISTEN_DATABASE_URL: \
             it must name Postgres itself and the same database, not a pooler"
        ),
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Refuses a way that mixes up prepared statements. Any other trouble on the way heals, and calls are refused meanwhile.
async fn probe_pooling(settings: &Settings) -> Result<()> {
    if let Ok(false) = pooler::keeps_statements(&settings.database_url).await {
        bail!(
            "DATABASE_URL leads through a pooler in transaction mode that mixes up prepared statements: let it be \
             PgBouncer 1.21 or newer with max_prepared_statements above 0, or in session mode, or go to Postgres itself"
        );
    }
    Ok(())
}

/// A pool to a migrated database, which goes by the settings that were given.
async fn connect(settings: &Settings) -> Result<(Db, Installed)> {
    let db = Db::new(&settings.database_url, settings.pool_max)?;
    let given = [settings.ttl, settings.heartbeat, settings.typing];
    if given.iter().any(Option::is_some) {
        let [ttl, heartbeat, typing] = given;
        db.configure(ttl, heartbeat, typing)
            .await
            .context("writing the settings")?;
    }
    let installed = db
        .installed()
        .await
        .context("reading what is installed; where this binary is newer than the database, run `pg-presence migrate` first")?;
    if installed.secrets.leave.is_empty() || installed.secrets.ring.is_empty() {
        bail!("the database has no keys; run `pg-presence migrate`");
    }
    // Begins an epoch where the data is new or came from elsewhere, so that the first streams need not see it change.
    db.reap(1).await.context("ending expired sessions")?;
    Ok((db, installed))
}
