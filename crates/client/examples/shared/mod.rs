//! The demos, for an example that is given no URL.

use sse_wire_client::BoxError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The URL of the demos, which run until the example ends.
pub async fn demos() -> Result<String, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(demos::serve(listener, demos::Settings::default(), CancellationToken::new()));
    println!("(no URL was given: this is the server of the demos at {url})\n");
    Ok(url)
}
