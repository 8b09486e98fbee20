//! Connections: taken, served, and finished in good order.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::app::App;
use crate::error::ServeError;
use crate::log;
use crate::models::Models;
use crate::routes;
use crate::settings::Settings;

/// Threads that talk to clients; the model has its own.
const TALKERS: usize = 2;
/// Threads that cut texts into sequences.
const CUTTERS: usize = 4;
/// How long the first request of a connection is waited for after the server was told to stop: without one, the connection is closed.
const SETTLE: Duration = Duration::from_secs(1);
/// Pause after a connection could not be taken, for want of file descriptors mostly.
const RECOVER: Duration = Duration::from_millis(50);

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    settings: Settings,
    listener: std::net::TcpListener,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

/// What tells a running server something, from any thread.
#[derive(Clone)]
pub struct Handle {
    app: Arc<App>,
    stop: watch::Sender<bool>,
}

impl Handle {
    /// Stops taking connections; what is in hand is finished. [`Server::run`] then returns.
    pub fn stop(&self) {
        self.app.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
    }

    /// Reads the model folders again. What cannot be read stays as it was.
    pub fn reload(&self) {
        self.app.models.reload();
    }
}

impl Server {
    /// Loads and warms the models and takes the address.
    ///
    /// # Errors
    /// When a model cannot be used, the address is taken, or the certificate is no good.
    pub fn bind(settings: Settings) -> Result<Self, ServeError> {
        let models = Models::open(&settings.models, &settings.options)?;
        #[cfg(feature = "tls")]
        let tls = match &settings.tls {
            Some((certificates, key)) => Some(crate::tls::acceptor(certificates, key)?),
            None => None,
        };
        let bind = |source| ServeError::Bind {
            address: settings.address,
            source,
        };
        let listener = std::net::TcpListener::bind(settings.address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self {
            app: Arc::new(App::new(models, &settings)),
            settings,
            listener,
            address,
            stop: watch::Sender::new(false),
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tells it something while it runs.
    pub fn handle(&self) -> Handle {
        Handle {
            app: Arc::clone(&self.app),
            stop: self.stop.clone(),
        }
    }

    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// When threads or signals cannot be set up.
    pub fn run(self) -> Result<(), ServeError> {
        let app = Arc::clone(&self.app);
        let computing = std::thread::Builder::new()
            .name("compute".to_owned())
            .spawn(move || app.queue.work())
            .map_err(ServeError::Start)?;
        let app = Arc::clone(&self.app);
        let talking = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(TALKERS)
            .max_blocking_threads(CUTTERS)
            .thread_name("talk")
            .enable_all()
            .build()
            .map_err(ServeError::Start)
            .and_then(|runtime| {
                let served = runtime.block_on(self.serve());
                // What the grace did not suffice for is dropped, and with it the wish for its answer.
                runtime.shutdown_timeout(Duration::from_millis(100));
                served
            });
        app.queue.close();
        let _ = computing.join();
        let connections = app.metrics.connections.load(Ordering::Relaxed);
        log::line("stopped", json!({"connections": connections}));
        talking
    }

    async fn serve(self) -> Result<(), ServeError> {
        if self.settings.signals {
            listen_for_signals(self.handle()).map_err(ServeError::Start)?;
        }
        let listener = TcpListener::from_std(self.listener).map_err(ServeError::Start)?;
        let (fresh, mut all_begun) = mpsc::channel(1);
        let taker = Taker {
            app: Arc::clone(&self.app),
            router: routes::router(Arc::clone(&self.app)),
            fresh,
            read_limit: Duration::from_secs(self.settings.limits.read_seconds),
            #[cfg(feature = "tls")]
            tls: self.tls,
        };
        let graceful = GracefulShutdown::new();
        let names: Vec<&str> = self.app.models.all().map(|(name, _)| name).collect();
        log::line(
            "listening",
            json!({"address": self.address.to_string(), "models": names}),
        );
        let mut stop = self.stop.subscribe();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => taker.take(stream, graceful.watcher()),
                    Err(_) => tokio::time::sleep(RECOVER).await,
                },
                _ = stop.wait_for(|&stop| stop) => break,
            }
        }
        log::line(
            "stopping",
            json!({"in_flight": self.app.gauges().in_flight}),
        );
        taker.take_last(listener, &graceful);
        drop(taker);
        // Answers `None` when the last connection has begun its first request or is gone.
        let _ = tokio::time::timeout(SETTLE, all_begun.recv()).await;
        if tokio::time::timeout(self.settings.grace, graceful.shutdown())
            .await
            .is_err()
        {
            log::line(
                "grace is over",
                json!({"in_flight": self.app.gauges().in_flight}),
            );
        }
        Ok(())
    }
}

/// What a connection holds until its first request is seen: when nobody holds one, the receiver ends.
type Fresh = mpsc::Sender<Infallible>;

/// Serves connections.
struct Taker {
    app: Arc<App>,
    router: axum::Router,
    fresh: Fresh,
    read_limit: Duration,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Taker {
    /// Serves a connection on a task of its own.
    fn take(&self, stream: TcpStream, watcher: Watcher) {
        let _ = stream.set_nodelay(true); // answers are small and whole
        let counted = &self.app.metrics.connections;
        counted.fetch_add(1, Ordering::Relaxed);
        let (router, fresh) = (self.router.clone(), self.fresh.clone());
        let read_limit = self.read_limit;
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            tokio::spawn(async move {
                let handshake = tokio::time::timeout(read_limit, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    converse(stream, router, read_limit, watcher, fresh).await;
                }
            });
            return;
        }
        tokio::spawn(converse(stream, router, read_limit, watcher, fresh));
    }

    /// Serves those whom the system has let in already, and closes the door.
    fn take_last(&self, listener: TcpListener, graceful: &GracefulShutdown) {
        // The system is asked itself: tokio may say that nobody waits when it only wants others to have their turn.
        let Ok(listener) = listener.into_std() else {
            return;
        };
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let stream = stream.set_nonblocking(true).map(|()| stream);
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        self.take(stream, graceful.watcher());
                    }
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => (),
                Err(_) => return,
            }
        }
    }
}

/// Answers the requests of a connection until one side ends it.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: axum::Router,
    read_limit: Duration,
    watcher: Watcher,
    fresh: Fresh,
) {
    let routes = TowerToHyperService::new(router);
    let fresh = Mutex::new(Some(fresh));
    let service = service_fn(move |request| {
        drop(fresh.lock().unwrap_or_else(PoisonError::into_inner).take());
        routes.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_limit)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off or talks nonsense is no event for the server.
    let _ = watcher.watch(connection).await;
}

/// SIGTERM and SIGINT stop the server, SIGHUP reads the models again.
#[cfg(unix)]
fn listen_for_signals(handle: Handle) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return handle.stop(),
                _ = interrupt.recv() => return handle.stop(),
                _ = hangup.recv() => {
                    let handle = handle.clone();
                    tokio::task::spawn_blocking(move || handle.reload());
                }
            }
        }
    });
    Ok(())
}

/// Ctrl-C stops the server.
#[cfg(not(unix))]
fn listen_for_signals(handle: Handle) -> std::io::Result<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            handle.stop();
        }
    });
    Ok(())
}
