//! Connections: so many at once, each with a bound on the head of a request, all ended in good order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::limits::{CONNECTIONS, HEAD_BYTES, HEAD_TIME, HEADERS_MAX};
use super::router::router;

/// After a failed accept (no file descriptor left) others need a moment to end.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 64;

/// Serves the API until the master stops; requests in flight get their answers.
pub async fn serve(listener: TcpListener, api: Api) {
    let tasks = api.tasks.clone();
    let router = router(api);
    let builder = Arc::new(builder());
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let stop = tasks.shutdown.clone();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &connections)).await {
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let connection = connection(Arc::clone(&builder), router.clone(), stream, stop.clone());
        tasks.spawn("HTTP connection", async move {
            connection.await;
            drop(permit);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _peer) = listener.accept().await?;
    Ok((stream, permit))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(16 * 1024);
    builder
}

async fn connection(builder: Arc<Builder<TokioExecutor>>, router: Router, stream: TcpStream, stop: CancellationToken) {
    // Small answers and log lines are not held back for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended badly");
    }
}
